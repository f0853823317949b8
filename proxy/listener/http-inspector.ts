const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** A request line longer than this is none. */
const maxBytes = 8_192

/**
 * What version of HTTP a plaintext connection begins with, as Envoy's `http_inspector` names it: `h2c`, `http/1.1`, `http/1.0`; an
 * empty list for what is not HTTP, null while that cannot be told.
 */
export function inspectHttp(bytes: Buffer): readonly string[] | null {
  const length = Math.min(bytes.length, preface.length)
  if (bytes.subarray(0, length).equals(preface.subarray(0, length))) {
    return length === preface.length ? ['h2c'] : null
  }
  const text = bytes.toString('latin1', 0, maxBytes)
  const end = text.indexOf('\n')
  if (end < 0) return text.length < maxBytes && /^[A-Z]{1,20}(?: |$)/.test(text) ? null : []
  const [, minor] = /^[A-Z]{1,20} \S+ HTTP\/1\.([01])\r?$/.exec(text.slice(0, end)) ?? []
  return minor === undefined ? [] : [`http/1.${minor}`]
}
