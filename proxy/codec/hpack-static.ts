/** The static table of HPACK (RFC 7541 Appendix A): name, value, name, value … Entry n stands at 2(n - 1). */
export const staticTable: readonly string[] = [
  ...[':authority', '', ':method', 'GET', ':method', 'POST', ':path', '/', ':path', '/index.html'],
  ...[':scheme', 'http', ':scheme', 'https', ':status', '200', ':status', '204', ':status', '206'],
  ...[':status', '304', ':status', '400', ':status', '404', ':status', '500'],
  ...['accept-charset', '', 'accept-encoding', 'gzip, deflate', 'accept-language', ''],
  ...['accept-ranges', '', 'accept', '', 'access-control-allow-origin', '', 'age', ''],
  ...['allow', '', 'authorization', '', 'cache-control', '', 'content-disposition', ''],
  ...['content-encoding', '', 'content-language', '', 'content-length', ''],
  ...['content-location', '', 'content-range', '', 'content-type', '', 'cookie', ''],
  ...['date', '', 'etag', '', 'expect', '', 'expires', '', 'from', '', 'host', '', 'if-match', ''],
  ...['if-modified-since', '', 'if-none-match', '', 'if-range', '', 'if-unmodified-since', ''],
  ...['last-modified', '', 'link', '', 'location', '', 'max-forwards', ''],
  ...['proxy-authenticate', '', 'proxy-authorization', '', 'range', '', 'referer', ''],
  ...['refresh', '', 'retry-after', '', 'server', '', 'set-cookie', ''],
  ...['strict-transport-security', '', 'transfer-encoding', '', 'user-agent', '', 'vary', ''],
  ...['via', '', 'www-authenticate', ''],
]

/** Entries of the static table; dynamic ones are numbered from the next. */
export const staticEntries: number = staticTable.length / 2

/** What an entry of a dynamic table counts beyond its octets (RFC 7541 §4.1). */
export const entryOverhead = 32
