/**
 * A value from a peer, for a text line: everything but printable ASCII, and `"` and `\`, becomes `\xNN`, so that no
 * value can end its field, its line, or move a terminal's cursor. The same rule as nginx `log_format` with its default escape.
 * Header values are latin1 strings, so NN are the bytes that came. Warm.
 */
export function escapeText(value: string): string {
  return isPlain(value) ? value : value.replace(/[^ !#-[\]-~]/g, hexByte)
}

/** `value` as a JSON string in ASCII, quotes included. Warm. */
export function escapeJson(value: string): string {
  return isPlain(value)
    ? `"${value}"`
    : JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
}

/** Printable ASCII but for `"` and `\`. A loop: for the short values of a log line a regex costs twice as much. */
function isPlain(value: string): boolean {
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i)
    if (code < 32 || code > 126 || code === 34 || code === 92) return false
  }
  return true
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')

function hexByte(unit: string): string {
  const code = unit.charCodeAt(0)
  if (code < 0x100) return `\\x${hex(code, 2).toUpperCase()}`
  return [...Buffer.from(unit)].map((byte) => `\\x${hex(byte, 2).toUpperCase()}`).join('')
}
