import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, inside, type Place } from '../reading/report.ts'
import type { SubsetFallback, SubsetRules } from '../reading/translated.ts'
import { labels, texts, word } from '../reading/values.ts'

const subsetFields: Coverage = {
  message: 'envoy.config.cluster.v3.Cluster.LbSubsetConfig',
  read: ['fallback_policy', 'default_subset', 'subset_selectors'],
  harmless: { scale_locality_weight: 'says something of locality_weight_aware, which is refused' },
}

const selectorFields: Coverage = {
  message: `${subsetFields.message}.LbSubsetSelector`,
  read: ['keys', 'fallback_policy'],
  harmless: {},
}

const fallbacks = {
  NO_FALLBACK: 'none',
  ANY_ENDPOINT: 'any',
  DEFAULT_SUBSET: 'default',
} as const satisfies Readonly<Record<string, SubsetFallback>>

const names = ['NO_FALLBACK', 'ANY_ENDPOINT', 'DEFAULT_SUBSET'] as const

/** `lb_subset_config`; null without selectors, when all endpoints are alike. */
export function subsetRules(cluster: Place): SubsetRules | null {
  const place = inside(cluster, 'lb_subset_config')
  if (place === null) return null
  checkFields(place, subsetFields)
  const fallback = fallbacks[word(place, 'fallback_policy', names, 'NO_FALLBACK')]
  const selectors = each(place, 'subset_selectors').map((selector) => {
    checkFields(selector, selectorFields)
    const own = word(selector, 'fallback_policy', ['NOT_DEFINED', ...names], 'NOT_DEFINED')
    return {
      keys: texts(selector, 'keys'),
      fallback: own === 'NOT_DEFINED' ? fallback : fallbacks[own],
    }
  })
  return selectors.length === 0
    ? null
    : { selectors, fallback, defaults: labels(place.fields.default_subset) }
}

export const subsetCoverages: readonly Coverage[] = [subsetFields, selectorFields]
