import { checkFieldName, checkFieldText, type Field } from '../../../proxy/field-check.ts'
import type { HeaderChanges } from '../../../proxy/policies/headers.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { newProblems } from '../../../proxy/problems.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { bool, text, texts, word } from '../reading/values.ts'

const optionFields: Coverage = {
  message: 'envoy.config.core.v3.HeaderValueOption',
  read: ['header', 'append', 'append_action', 'keep_empty_value'],
  harmless: {},
}

const headerFields: Coverage = {
  message: 'envoy.config.core.v3.HeaderValue',
  read: ['key', 'value', 'raw_value'],
  harmless: {},
}

/** A header that is written: over what is there, or beside it. */
export interface HeaderOption extends Field {
  readonly op: 'set' | 'add'
}

const actions = ['APPEND_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS_OR_ADD'] as const

/** A `HeaderValueOption`; null when it is refused, or says nothing. */
export function headerOption(place: Place): HeaderOption | null {
  checkFields(place, optionFields)
  const header = inside(place, 'header')
  if (header === null) {
    fail(place, 'header', 'is missing')
    return null
  }
  checkFields(header, headerFields)
  const action = word(place, 'append_action', actions, 'APPEND_IF_EXISTS_OR_ADD')
  // `append` is the older way to say it, and says nothing when it is absent.
  const replaces = action === 'OVERWRITE_IF_EXISTS_OR_ADD' || place.fields.append === false
  const value = plainValue(header)
  if (value === null || (value === '' && !bool(place, 'keep_empty_value'))) return null
  return { op: replaces ? 'set' : 'add', name: headerName(header, 'key'), value }
}

/** A value without command operators; `%%` stands for a percent. Null when it is refused. */
function plainValue(header: Place): string | null {
  const raw = text(header, 'raw_value')
  const value = raw === '' ? text(header, 'value') : Buffer.from(raw, 'base64').toString('latin1')
  const problems = newProblems()
  checkFieldText(value, 'value', problems)
  for (const { path, message } of problems.list) fail(header, path, message)
  if (!/%/.test(value.replaceAll('%%', ''))) return value.replaceAll('%%', '%')
  fail(header, 'value', 'holds a command operator (%…%), which is not supported here')
  return null
}

/** A header that a configuration may touch, in lower case. Of a request, the authority is one. */
function headerName(place: Place, key: string): string {
  const name = text(place, key).toLowerCase()
  if (name === 'host' || name === ':authority') return name
  const problems = newProblems()
  checkFieldName(name, key, problems)
  for (const { path, message } of problems.list) fail(place, path, message)
  return name
}

/** What a level of a route table (table, virtual host, route, destination) changes; null when nothing. */
export function headerPolicy(place: Place): PolicyConfig | null {
  const request = changes(place, 'request')
  const response = changes(place, 'response')
  const none = [request, response].every(
    ({ set, add, remove }) => set.length + add.length + remove.length === 0,
  )
  return none ? null : { kind: 'headers', request, response }
}

export const noChanges: HeaderChanges = { set: [], add: [], remove: [] }

/** The fields that `headerPolicy` reads. */
export const headerLists = [
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
]

function changes(place: Place, side: 'request' | 'response'): HeaderChanges {
  const options = each(place, `${side}_headers_to_add`).map(headerOption)
  return {
    ...ordered(options),
    remove: texts(place, `${side}_headers_to_remove`).map((name) => name.toLowerCase()),
  }
}

/** `set` comes before `add` in the model; a list in which it comes after for one name comes to `set` alone. */
export function ordered(
  options: readonly (HeaderOption | null)[],
): Pick<HeaderChanges, 'set' | 'add'> {
  const set: Field[] = []
  const add: Field[] = []
  for (const option of options) {
    if (option === null) continue
    const { op, name, value } = option
    if (op === 'add') add.push({ name, value })
    else {
      drop(add, name)
      set.push({ name, value })
    }
  }
  return { set, add }
}

function drop(fields: Field[], name: string): void {
  for (let i = fields.length - 1; i >= 0; i -= 1) if (fields[i]?.name === name) fields.splice(i, 1)
}

export const headerCoverages: readonly Coverage[] = [optionFields, headerFields]
