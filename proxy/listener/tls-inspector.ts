/** What the first bytes of a connection are. `more`: not decided yet. */
export type Hello =
  | { readonly kind: 'tls'; readonly sni: string | null; readonly alpn: readonly string[] }
  | { readonly kind: 'raw' }
  | { readonly kind: 'more' }

/** A ClientHello that is not whole after so many bytes is none; with post-quantum keys they have about 2,000. */
const maxHelloBytes = 16_384
/** Of records it may be spread over, so that the work for a hello that drips in stays small. */
const maxRecords = 32

const raw: Hello = { kind: 'raw' }

/**
 * Reads server name and ALPN of a TLS ClientHello from the first bytes of a connection, without consuming them. Strict:
 * a hello with any length that does not add up is `raw`, for OpenSSL would refuse it too. Never throws.
 *
 *   record      type(1)=22 version(2)=3,x length(2) fragment          RFC 8446 §5.1
 *   handshake   type(1)=1 length(3) body, over one or more records     §4
 *   body        version(2) random(32) session(1+n) ciphers(2+n) compressions(1+n) extensions(2+n)   §4.1.2
 */
export function inspectClientHello(bytes: Buffer): Hello {
  const joined = joinRecords(bytes)
  if (joined === null) return raw
  const { handshake, complete } = joined
  const more: Hello = complete || bytes.length >= maxHelloBytes ? raw : { kind: 'more' }
  if (handshake.length >= 1 && handshake[0] !== 1) return raw
  if (handshake.length < 4) return more
  const length = handshake.readUIntBE(1, 3)
  if (length > maxHelloBytes) return raw
  if (handshake.length < 4 + length) return more
  return readBody({ bytes: handshake, at: 4, end: 4 + length, bad: false })
}

/**
 * The handshake bytes at the start, out of their records; null when these are no records. `complete`: something else
 * follows, such as early data.
 */
function joinRecords(
  bytes: Buffer,
): { readonly handshake: Buffer; readonly complete: boolean } | null {
  const fragments: Buffer[] = []
  let complete = false
  for (let at = 0; at < bytes.length; ) {
    complete = fragments.length > 0 && bytes[at] !== 22
    if (complete || (bytes[at] === 22 && at + 5 > bytes.length)) break
    if (bytes[at] !== 22 || bytes[at + 1] !== 3) return null
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > maxHelloBytes || fragments.length === maxRecords) return null
    fragments.push(bytes.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  const [first] = fragments
  const whole = fragments.length === 1 && first !== undefined ? first : Buffer.concat(fragments)
  return { handshake: whole, complete }
}

/** A reader that goes bad, and stays so, at the first length that does not fit. */
interface Reader {
  readonly bytes: Buffer
  at: number
  readonly end: number
  bad: boolean
}

function number(r: Reader, size: 1 | 2): number {
  if (r.at + size > r.end) {
    r.bad = true
    return 0
  }
  const value = r.bytes.readUIntBE(r.at, size)
  r.at += size
  return value
}

/** A vector whose length stands in `size` bytes before it. */
function vector(r: Reader, size: 1 | 2): Reader {
  const length = number(r, size)
  if (r.at + length > r.end) r.bad = true
  const end = r.bad ? r.at : r.at + length
  const inner = { bytes: r.bytes, at: r.at, end, bad: r.bad }
  r.at = end
  return inner
}

const rest = (r: Reader): string => r.bytes.toString('latin1', r.at, r.end)

function readBody(r: Reader): Hello {
  if (number(r, 2) >> 8 !== 3) return raw
  r.at += 32
  if (r.at > r.end) return raw
  vector(r, 1)
  vector(r, 2)
  vector(r, 1)
  if (r.bad) return raw
  // TLS 1.2 may leave extensions out altogether.
  if (r.at === r.end) return { kind: 'tls', sni: null, alpn: [] }
  const extensions = vector(r, 2)
  return r.bad || r.at !== r.end ? raw : readExtensions(extensions)
}

function readExtensions(r: Reader): Hello {
  let sni: string | null = null
  let alpn: readonly string[] = []
  const seen = new Set<number>()
  while (r.at < r.end) {
    const type = number(r, 2)
    const content = vector(r, 2)
    // Twice the same would let us and OpenSSL read different names: RFC 8446 §4.2.
    if (r.bad || seen.has(type)) return raw
    seen.add(type)
    if (type === 0) sni = readServerName(content)
    else if (type === 16) alpn = readProtocols(content)
    if (content.bad) return raw
  }
  return { kind: 'tls', sni, alpn }
}

/** One name of type host_name; lower case. Source: RFC 6066 §3. */
function readServerName(r: Reader): string | null {
  const names = vector(r, 2)
  const type = number(names, 1)
  const name = rest(vector(names, 2))
  if (r.bad || r.at !== r.end || names.bad || names.at !== names.end || type !== 0) r.bad = true
  // Kuma 2 puts tags into the name: `backend{kuma.io/zone=east}`.
  if (!/^[\x21-\x7e]{1,255}$/.test(name)) r.bad = true
  return r.bad ? null : name.toLowerCase()
}

/** Source: RFC 7301 §3.1. */
function readProtocols(r: Reader): readonly string[] {
  const names = vector(r, 2)
  if (r.bad || r.at !== r.end || names.at === names.end) r.bad = true
  const protocols: string[] = []
  while (!r.bad && names.at < names.end) {
    const name = rest(vector(names, 1))
    if (names.bad || name === '') r.bad = true
    protocols.push(name)
  }
  return protocols
}
