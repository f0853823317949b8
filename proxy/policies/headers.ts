import { definePolicy } from '../policy.ts'

/** Changes fields of the request and the response: removals first, then `set` (replace or add), then `add` (append). */
export interface HeadersConfig {
  readonly request: HeaderChanges
  readonly response: HeaderChanges
}

export interface HeaderChanges {
  readonly set: readonly { readonly name: string; readonly value: string }[]
  readonly add: readonly { readonly name: string; readonly value: string }[]
  readonly remove: readonly string[]
}

export const headers = definePolicy({
  kind: 'headers',
  at: ['listener', 'route'],
  check: (_raw, _path, _problems): HeadersConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
