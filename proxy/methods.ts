/** May be sent twice with the effect of once (RFC 9110 §9.2.2). */
export const isIdempotent = (method: string): boolean =>
  method === 'GET' ||
  method === 'HEAD' ||
  method === 'PUT' ||
  method === 'DELETE' ||
  method === 'OPTIONS' ||
  method === 'TRACE'
