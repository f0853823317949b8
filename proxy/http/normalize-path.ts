/**
 * The path as it is routed, authorized and forwarded: one string for all three. Dot segments, plain or encoded, are
 * resolved (RFC 3986 §6.2.2.3), never above the root; what need not be encoded is decoded (§6.2.2.2), so `%2F` and `%5C`
 * stay; `//` becomes `/` when asked. A backslash counts as a slash. Envoy: `normalize_path`, `merge_slashes`. Free for ordinary paths.
 */
export function normalizePath(path: string, normalize: boolean, merge: boolean): string {
  if (!needsWork(path, normalize, merge)) return path
  const at = path.indexOf('?')
  const query = at < 0 ? '' : path.slice(at)
  const plain = at < 0 ? path : path.slice(0, at)
  let segments = (normalize ? plain.replaceAll('\\', '/') : plain).split('/').slice(1)
  if (normalize) segments = resolveDots(segments.map(decodeUnreserved))
  if (merge)
    segments = segments.filter((segment, index) => segment !== '' || index === segments.length - 1)
  return `/${segments.join('/')}${query}`
}

function needsWork(path: string, normalize: boolean, merge: boolean): boolean {
  if (merge && path.includes('//')) return true
  return normalize && (path.includes('/.') || path.includes('\\') || path.includes('%'))
}

/** Letters, digits, `-`, `.`, `_` and `~` (RFC 3986 §2.3). */
function decodeUnreserved(segment: string): string {
  if (!segment.includes('%')) return segment
  return segment.replace(/%[2-7][0-9a-f]/gi, (encoded) => {
    const letter = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return /[\w.~-]/.test(letter) ? letter : encoded
  })
}

function resolveDots(segments: readonly string[]): string[] {
  const out: string[] = []
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1
    if (segment === '..') {
      out.pop()
      if (last) out.push('')
    } else if (segment === '.') {
      if (last) out.push('')
    } else out.push(segment)
  })
  return out
}
