/** An authority in two: the host, of IPv6 with its brackets, and the port as it is written; null without one. RFC 3986 §3.2. */
export function splitPort(authority: string): readonly [host: string, port: string | null] {
  const [, host, port] = /^([^:]*|\[.*\]):(\d+)$/.exec(authority) ?? []
  return host === undefined || port === undefined ? [authority, null] : [host, port]
}
