import { type HeaderChanges, headers } from '../../../proxy/policies/headers.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { isRecord, newProblems } from '../../../proxy/problems.ts'
import { mapsOf } from './values.ts'

/** One change of one header. */
export interface HeaderChange {
  readonly op: 'set' | 'add' | 'remove'
  readonly name: string
  /** Empty for a header that goes. */
  readonly value: string
}

/** A policy that makes these changes; null when one was not understood, or is one that the model refuses. */
export function headersPolicy(
  request: readonly (HeaderChange | null)[],
  response: readonly (HeaderChange | null)[],
): PolicyConfig | null {
  const understood = (change: HeaderChange | null): change is HeaderChange => change !== null
  if (!request.every(understood) || !response.every(understood)) return null
  const problems = newProblems()
  const raw = { request: grouped(request), response: grouped(response) }
  const checked = headers.check(raw, '', problems)
  return problems.list.length > 0 ? null : { kind: 'headers', ...checked }
}

function grouped(changes: readonly HeaderChange[]): HeaderChanges {
  const of = (wanted: HeaderChange['op']) => changes.filter(({ op }) => op === wanted)
  const field = ({ name, value }: HeaderChange) => ({ name, value })
  return {
    set: of('set').map(field),
    add: of('add').map(field),
    remove: of('remove').map(({ name }) => name),
  }
}

/** The filter `envoy.filters.http.header_mutation` in its JSON form; null when a part of it has no equal. */
export function headerMutation(filter: Readonly<Record<string, unknown>>): PolicyConfig | null {
  const { mutations } = isRecord(filter.typedConfig) ? filter.typedConfig : {}
  if (!isRecord(mutations)) return null
  const { requestMutations = [], responseMutations = [] } = mutations
  return headersPolicy(
    mapsOf(requestMutations)?.map(mutationOf) ?? [null],
    mapsOf(responseMutations)?.map(mutationOf) ?? [null],
  )
}

function mutationOf({ append, remove }: Readonly<Record<string, unknown>>): HeaderChange | null {
  if (typeof remove === 'string') return { op: 'remove', name: remove, value: '' }
  return isRecord(append) ? optionOf(append) : null
}

/** A list of `HeaderValueOption` in its JSON form. */
export const addedHeaders = (value: unknown): readonly (HeaderChange | null)[] =>
  mapsOf(value)?.map(optionOf) ?? [null]

/** Names of headers to take away. */
export const removedHeaders = (value: unknown): readonly (HeaderChange | null)[] =>
  Array.isArray(value)
    ? value.map((name) => (typeof name === 'string' ? { op: 'remove', name, value: '' } : null))
    : [null]

function optionOf(option: Readonly<Record<string, unknown>>): HeaderChange | null {
  const { header, append, appendAction } = option
  if (!isRecord(header)) return null
  const { key: name, value = '' } = header
  if (typeof name !== 'string' || typeof value !== 'string') return null
  const byFlag = append === false ? 'set' : 'add'
  const op = appendAction === undefined ? byFlag : actions[String(appendAction)]
  return op === undefined ? null : { op, name, value }
}

const actions: Readonly<Record<string, 'set' | 'add'>> = {
  APPEND_IF_EXISTS_OR_ADD: 'add',
  OVERWRITE_IF_EXISTS_OR_ADD: 'set',
}
