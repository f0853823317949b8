/**
 * Character classes of RFC 9110 §5.6 and RFC 9112, as tables by char code. Heads are read as latin1, so every code is
 * below 256.
 */

/** tchar: what methods and field names are made of (RFC 9110 §5.6.2). */
export const isToken: Uint8Array = table((code) => {
  const char = String.fromCharCode(code)
  return /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char)
})

/** What a field value may hold: HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5); no CR, LF, NUL or other control. */
export const isFieldText: Uint8Array = table((code) => code === 9 || (code >= 32 && code !== 127))

/** What a request target may hold: visible ASCII, without `#`, which never goes on the wire (RFC 9112 §3.2). */
export const isTarget: Uint8Array = table((code) => code > 32 && code < 127 && code !== 35)

/** What a Host or authority may hold: host, port and IPv6 brackets; no userinfo, no path (RFC 3986 §3.2). */
export const isAuthority: Uint8Array = table((code) =>
  /[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]/.test(String.fromCharCode(code)),
)

function table(accepts: (code: number) => boolean): Uint8Array {
  const out = new Uint8Array(256)
  for (let code = 0; code < 256; code += 1) if (accepts(code)) out[code] = 1
  return out
}

/** True when every char of `text` is in `chars`; an empty text is not. */
export function consistsOf(text: string, chars: Uint8Array): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if (chars[text.charCodeAt(i)] !== 1) return false
  }
  return text.length > 0
}
