import { header } from './headers.ts'

/** gRPC over HTTP/2, "Content-Type": `application/grpc` and its `+proto`, `+json` kin; not `application/grpc-web`. */
export function isGrpc(requestHeaders: readonly string[]): boolean {
  const type = header(requestHeaders, 'content-type')
  if (type === null || !type.startsWith('application/grpc')) return false
  const next = type.charAt('application/grpc'.length)
  return next === '' || next === '+' || next === ';'
}

/** gRPC "HTTP to gRPC Status Code Mapping"; whatever is not in it is UNKNOWN. */
export function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13
    case 401:
      return 16
    case 403:
      return 7
    case 404:
      return 12
    case 429:
    case 502:
    case 503:
    case 504:
      return 14
    default:
      return 2
  }
}

/** Percent-encoding of gRPC over HTTP/2: all but visible ASCII and space, and the percent sign itself. */
export function encodeGrpcMessage(text: string): string {
  let out = ''
  for (const byte of Buffer.from(text)) {
    out +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

/** Milliseconds in each unit of `grpc-timeout`. */
const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}

/** The time a gRPC caller gives, ms; 0 when it gives none, or nothing that can be read ("TimeoutValue" has at most eight digits). */
export function grpcTimeoutMs(requestHeaders: readonly string[]): number {
  const value = header(requestHeaders, 'grpc-timeout')
  const found = value === null ? null : /^(\d{1,8})([HMSmun])$/.exec(value)
  if (found === null) return 0
  // Nothing is a limit too: it has passed already.
  return Math.max(Number(found[1]) * (units[found[2] as string] ?? 0), 1)
}

/** The status a call ended with: in its trailers, or in the head of a trailers-only answer. Null when it has none that is a number. */
export function grpcStatusFrom(
  responseHeaders: readonly string[],
  trailers: readonly string[] | null,
): number | null {
  const value =
    (trailers === null ? null : header(trailers, 'grpc-status')) ??
    header(responseHeaders, 'grpc-status')
  return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : null
}
