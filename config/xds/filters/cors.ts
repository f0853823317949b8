import type { StringMatch } from '../../../proxy/matcher.ts'
import type { CorsConfig } from '../../../proxy/policies/cors.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, type Place } from '../reading/report.ts'
import { runtimeFraction, stringMatch, text } from '../reading/values.ts'

const read = [
  'allow_origin_string_match',
  'allow_methods',
  'allow_headers',
  'expose_headers',
  'max_age',
  'allow_credentials',
  'filter_enabled',
  'shadow_enabled',
  'allow_private_network_access',
  'forward_not_matching_preflights',
]

/** What a route, a virtual host or a table says to the filter. */
export const corsPolicyFields: Coverage = {
  message: 'envoy.extensions.filters.http.cors.v3.CorsPolicy',
  read,
  harmless: {},
}

/** `cors` of a route or a virtual host, which is deprecated. */
const ownPolicyFields: Coverage = {
  message: 'envoy.config.route.v3.CorsPolicy',
  read,
  harmless: {},
}

/** The filter where no route says anything to it: it holds the place in the order of filters. */
export const noCors: PolicyConfig = {
  kind: 'cors',
  origins: [],
  methods: '',
  headers: '',
  exposed: '',
  maxAge: '',
  credentials: false,
  privateNetwork: false,
  forwardOthers: true,
  percent: 0,
  shadowPercent: 0,
}

/** What one level says; null is nothing, and then the next level is asked. */
export interface CorsLevel {
  readonly origins: readonly StringMatch[]
  readonly methods: string
  readonly headers: string
  readonly exposed: string
  readonly maxAge: string
  readonly credentials: boolean | null
  readonly privateNetwork: boolean | null
  readonly forwardOthers: boolean | null
  readonly percent: number
  readonly shadowPercent: number
}

export const corsLevel = (place: Place): CorsLevel => levelOf(place, corsPolicyFields)

export const ownCorsLevel = (place: Place): CorsLevel => levelOf(place, ownPolicyFields)

function levelOf(place: Place, coverage: Coverage): CorsLevel {
  checkFields(place, coverage)
  return {
    origins: each(place, 'allow_origin_string_match').flatMap((one) => stringMatch(one) ?? []),
    methods: text(place, 'allow_methods'),
    headers: text(place, 'allow_headers'),
    exposed: text(place, 'expose_headers'),
    maxAge: text(place, 'max_age'),
    credentials: said(place, 'allow_credentials'),
    privateNetwork: said(place, 'allow_private_network_access'),
    forwardOthers: said(place, 'forward_not_matching_preflights'),
    percent: runtimeFraction(place, 'filter_enabled', 100),
    shadowPercent: runtimeFraction(place, 'shadow_enabled', 0),
  }
}

function said({ fields }: Place, key: string): boolean | null {
  const value = fields[key]
  return typeof value === 'boolean' ? value : null
}

/**
 * What levels come to, given from the route outwards: each field is that of the first level that says it, but the first
 * alone says for how many requests (Envoy).
 */
export function corsOf(levels: readonly CorsLevel[]): PolicyConfig {
  const [first] = levels
  if (first === undefined) return noCors
  const textOf = (key: 'methods' | 'headers' | 'exposed' | 'maxAge'): string =>
    levels.map((level) => level[key]).find((value) => value !== '') ?? ''
  const flagOf = (
    key: 'credentials' | 'privateNetwork' | 'forwardOthers',
    fallback: boolean,
  ): boolean => levels.map((level) => level[key]).find((value) => value !== null) ?? fallback
  const config: CorsConfig = {
    origins: levels.map(({ origins }) => origins).find((list) => list.length > 0) ?? [],
    methods: textOf('methods'),
    headers: textOf('headers'),
    exposed: textOf('exposed'),
    maxAge: textOf('maxAge'),
    credentials: flagOf('credentials', false),
    privateNetwork: flagOf('privateNetwork', false),
    forwardOthers: flagOf('forwardOthers', true),
    percent: first.percent,
    shadowPercent: first.shadowPercent,
  }
  return { kind: 'cors', ...config }
}

export const corsCoverages: readonly Coverage[] = [corsPolicyFields, ownPolicyFields]
