import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { bool, text } from '../reading/values.ts'
import { type HeaderOption, headerOption, ordered } from '../route/header-changes.ts'

const filterFields: Coverage = {
  message: 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
  read: ['mutations', 'most_specific_header_mutations_wins'],
  harmless: {},
}

const perRouteFields: Coverage = {
  message: 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute',
  read: ['mutations'],
  harmless: {},
}

const mutationsFields: Coverage = {
  message: 'envoy.extensions.filters.http.header_mutation.v3.Mutations',
  read: ['request_mutations', 'response_mutations'],
  harmless: {},
}

const mutationFields: Coverage = {
  message: 'envoy.config.common.mutation_rules.v3.HeaderMutation',
  read: ['remove', 'append'],
  harmless: {},
}

/** `HeaderMutation` of a connection manager, or of a route. */
export const headerMutation = (place: Place): readonly PolicyConfig[] =>
  mutations(place, filterFields)

/** In which order what the route, its virtual host and its table say follows what the filter does: the last one wins. */
export type LevelOrder = 'innermost_first' | 'innermost_last'

export const levelOrder = (place: Place): LevelOrder =>
  bool(place, 'most_specific_header_mutations_wins') ? 'innermost_last' : 'innermost_first'

export const headerMutationPerRoute = (place: Place): readonly PolicyConfig[] =>
  mutations(place, perRouteFields)

function mutations(place: Place, coverage: Coverage): readonly PolicyConfig[] {
  checkFields(place, coverage)
  const found = inside(place, 'mutations')
  if (found === null) return []
  checkFields(found, mutationsFields)
  const request = changes(found, 'request_mutations')
  const response = changes(found, 'response_mutations')
  return [{ kind: 'headers', request, response }]
}

/** Removals come first in the model: one that comes after the same name was written takes that back. */
function changes(place: Place, key: string) {
  const remove: string[] = []
  let options: HeaderOption[] = []
  for (const mutation of each(place, key)) {
    checkFields(mutation, mutationFields)
    const name = text(mutation, 'remove').toLowerCase()
    const append = inside(mutation, 'append')
    if (name !== '') {
      remove.push(name)
      options = options.filter((option) => option.name !== name)
    } else if (append !== null) {
      const option = headerOption(append)
      if (option !== null) options.push(option)
    } else fail(mutation, '', 'must have remove or append')
  }
  return { ...ordered(options), remove }
}

export const headerMutationCoverages: readonly Coverage[] = [
  filterFields,
  perRouteFields,
  mutationsFields,
  mutationFields,
]
