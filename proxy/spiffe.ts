/** A SPIFFE ID taken apart. */
export interface SpiffeId {
  readonly trustDomain: string
  /** Starts with a slash. Empty for the ID of a trust domain itself. */
  readonly path: string
}

const shape = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[a-zA-Z0-9._-]+)*)$/

/**
 * Reads a SPIFFE ID; null when it is none. As strict as the standard: no port, user, query, fragment or percent sign, no
 * empty, `.` or `..` segment, no slash at the end, at most 2,048 bytes.
 * Source: SPIFFE-ID §2 (the scheme and trust domain in lower case, as every issuer writes them).
 */
export function parseSpiffeId(text: string): SpiffeId | null {
  if (text.length > 2_048) return null
  const match = shape.exec(text)
  if (match === null) return null
  const [, trustDomain = '', path = ''] = match
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return null
  return { trustDomain, path }
}

/** Claims to be a SPIFFE ID, well formed or not. Schemes are compared without case: RFC 3986 §3.1. */
export const isSpiffeUri = (uri: string): boolean => /^spiffe:/i.test(uri)
