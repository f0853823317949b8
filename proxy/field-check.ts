import { onlyKeys, type Problems, type Raw, records, text } from './problems.ts'

/** A header field that configuration adds to a message. */
export interface Field {
  readonly name: string
  readonly value: string
}

/** Fields that frame a message or belong to one hop (RFC 9110 §7.6.1): ours to write, never configuration's. */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Bytes 0x20 to 0xff and tabs, without DEL: no CR, LF or NUL (RFC 9110 §5.5). */
const fieldText = /^[\t\x20-\x7e\x80-\xff]*$/

/** A field name (RFC 9110 §5.1) that configuration may touch; comes back in lower case. */
export function checkFieldName(name: string, path: string, problems: Problems): string {
  const lower = name.toLowerCase()
  if (framing.has(lower)) {
    problems.add(path, `${lower} frames the message or belongs to one hop; the proxy writes it`)
  } else checkToken(name, 'a header name', path, problems)
  return lower
}

/** A token of RFC 9110 §5.6.2: what names and methods are made of. */
export function checkToken(value: string, what: string, path: string, problems: Problems): void {
  if (!token.test(value)) problems.add(path, `is not ${what}: ${JSON.stringify(value)}`)
}

/** Text that may stand in a field value. The value is not repeated in the message: it may be a credential. */
export function checkFieldText(value: string, path: string, problems: Problems): string {
  if (!fieldText.test(value)) {
    problems.add(path, 'must not hold line breaks, other control characters or text beyond latin1')
  }
  return value
}

/** A list of `{ name, value }` under `key`; absent means empty. */
export function checkFields(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
): readonly Field[] {
  return records(raw, key, path, problems, checkField)
}

/** One entry: `name`, `value` and nothing else. */
export function checkField(raw: Raw, path: string, problems: Problems): Field {
  onlyKeys(raw, ['name', 'value'], path, problems)
  return nameAndValue(raw, path, problems)
}

/** `name` and `value` of an entry that has more fields. */
export function nameAndValue(raw: Raw, path: string, problems: Problems): Field {
  const name = text(raw, 'name', path, problems)
  const value = text(raw, 'value', path, problems)
  return {
    name: checkFieldName(name, `${path}.name`, problems),
    value: checkFieldText(value, `${path}.value`, problems),
  }
}
