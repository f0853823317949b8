import {
  checkField,
  checkFieldName,
  checkFields,
  checkFieldText,
  type Field,
} from '../field-check.ts'
import { removeHeader, setHeader } from '../headers.ts'
import { definePolicy } from '../policy.ts'
import {
  join,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  records,
  text,
  texts,
} from '../problems.ts'

/** Changes fields of the request and the response: removals first, then `set` (replace or add), then `add` (append). */
export interface HeadersConfig {
  readonly request: HeaderChanges
  readonly response: HeaderChanges
}

/** Names in lower case. Framing and hop-by-hop fields are not to be touched. */
export interface HeaderChanges {
  /** Of a request, `host` and `:authority` set the authority. */
  readonly set: readonly Field[]
  readonly add: readonly Field[]
  readonly remove: readonly string[]
}

export const headers = definePolicy({
  kind: 'headers',
  at: ['listener', 'route'],
  check: (raw, path, problems): HeadersConfig => {
    onlyKeys(raw, ['kind', 'request', 'response'], path, problems)
    return {
      request: checkChanges(raw, 'request', path, problems),
      response: checkChanges(raw, 'response', path, problems),
    }
  },
  create: ({ request, response }) => ({
    ...(isEmpty(request)
      ? {}
      : {
          request(x) {
            apply(request, x.requestHeaders)
            for (const { name, value } of request.set) if (isAuthority(name)) x.authority = value
            return 'continue'
          },
        }),
    ...(isEmpty(response)
      ? {}
      : {
          response(x) {
            const changed = x.responseHeaders.slice()
            apply(response, changed)
            x.responseHeaders = changed
          },
        }),
  }),
})

const isEmpty = ({ set, add, remove }: HeaderChanges): boolean =>
  set.length === 0 && add.length === 0 && remove.length === 0

const isAuthority = (name: string): boolean => name === 'host' || name === ':authority'

function apply({ set, add, remove }: HeaderChanges, fields: string[]): void {
  for (const name of remove) removeHeader(fields, name)
  for (const { name, value } of set) if (!isAuthority(name)) setHeader(fields, name, value)
  for (const { name, value } of add) fields.push(name, value)
}

function checkChanges(
  raw: Raw,
  key: 'request' | 'response',
  path: string,
  problems: Problems,
): HeaderChanges {
  const at = join(path, key)
  const fields = record(raw[key] ?? {}, at, problems)
  onlyKeys(fields, ['set', 'add', 'remove'], at, problems)
  const checkSet = key === 'request' ? checkRequestField : checkField
  return {
    set: records(fields, 'set', at, problems, checkSet),
    add: checkFields(fields, 'add', at, problems),
    remove: texts(fields, 'remove', at, problems).map((name, index) =>
      checkFieldName(name, `${join(at, 'remove')}[${index}]`, problems),
    ),
  }
}

/** What the authority may hold: host, port and brackets (RFC 3986 §3.2), no userinfo. */
const authority = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]+$/

function checkRequestField(raw: Raw, path: string, problems: Problems): Field {
  const name = text(raw, 'name', path, problems).toLowerCase()
  if (!isAuthority(name)) return checkField(raw, path, problems)
  onlyKeys(raw, ['name', 'value'], path, problems)
  const value = checkFieldText(text(raw, 'value', path, problems), `${path}.value`, problems)
  if (!authority.test(value)) problems.add(`${path}.value`, 'is not a host with an optional port')
  return { name, value }
}
