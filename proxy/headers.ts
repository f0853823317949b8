/** The empty list of header fields. */
export const noHeaders: readonly string[] = []

/**
 * The value of the first field called `name` (given in lower case), or null. Compares without case.
 * Cost: one length test per field, a case-folding compare only where lengths agree.
 */
export function header(headers: readonly string[], name: string): string | null {
  const index = headerIndex(headers, name, 0)
  return index < 0 ? null : (headers[index + 1] as string)
}

/** Index of the first field called `name` (lower case) at or after `from`, or -1. */
export function headerIndex(headers: readonly string[], name: string, from: number): number {
  const length = name.length
  for (let i = from; i < headers.length; i += 2) {
    const candidate = headers[i] as string
    if (candidate.length === length && sameName(candidate, name)) return i
  }
  return -1
}

/** All values of `name` joined by `, ` (RFC 9110 §5.3), or null. */
export function headerJoined(
  headers: readonly string[],
  name: string,
  separator = ', ',
): string | null {
  let index = headerIndex(headers, name, 0)
  if (index < 0) return null
  let out = headers[index + 1] as string
  for (;;) {
    index = headerIndex(headers, name, index + 2)
    if (index < 0) return out
    out += separator + (headers[index + 1] as string)
  }
}

/** Does the value of one field called `name` pass? Of null, when there is none. */
export function anyValue(
  headers: readonly string[],
  name: string,
  test: (value: string | null) => boolean,
): boolean {
  let index = headerIndex(headers, name, 0)
  if (index < 0) return test(null)
  for (; index >= 0; index = headerIndex(headers, name, index + 2)) {
    if (test(headers[index + 1] as string)) return true
  }
  return false
}

/** Replaces every field called `name` (lower case) by one; appends when there was none. */
export function setHeader(headers: string[], name: string, value: string): void {
  const index = headerIndex(headers, name, 0)
  if (index < 0) {
    headers.push(name, value)
    return
  }
  headers[index + 1] = value
  let extra = headerIndex(headers, name, index + 2)
  while (extra >= 0) {
    headers.splice(extra, 2)
    extra = headerIndex(headers, name, extra)
  }
}

/** Removes every field called `name` (lower case). */
export function removeHeader(headers: string[], name: string): void {
  let index = headerIndex(headers, name, 0)
  while (index >= 0) {
    headers.splice(index, 2)
    index = headerIndex(headers, name, index)
  }
}

/** Compares a field name with a lower-case one of the same length; names are ASCII tokens (RFC 9110 §5.1). */
function sameName(candidate: string, lower: string): boolean {
  if (candidate === lower) return true
  for (let i = 0; i < lower.length; i += 1) {
    const code = candidate.charCodeAt(i)
    const folded = code >= 65 && code <= 90 ? code + 32 : code
    if (folded !== lower.charCodeAt(i)) return false
  }
  return true
}
