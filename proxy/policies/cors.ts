import type { Clock } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import { checkFieldText } from '../field-check.ts'
import { headerJoined } from '../headers.ts'
import { policyReply } from '../local-reply.ts'
import { checkStringMatch, compileStringMatch, type StringMatch } from '../matcher.ts'
import { definePolicy, type Verdict } from '../policy.ts'
import {
  decimal,
  flag,
  join,
  listOf,
  onlyKeys,
  type Problems,
  type Raw,
  text,
} from '../problems.ts'

/**
 * Which pages of other origins may call (the Fetch standard's CORS protocol): preflights are answered here, and answers say
 * who may read them. It keeps nobody out: browsers do. Envoy: `envoy.filters.http.cors`.
 */
export interface CorsConfig {
  /** Origins that may call: one of these matches, or matches `*`. Default none. */
  readonly origins: readonly StringMatch[]
  /** Value of `access-control-allow-methods`; `*` is what was asked for, empty (default) leaves it out. */
  readonly methods: string
  /** Value of `access-control-allow-headers`, in the same way. */
  readonly headers: string
  /** Value of `access-control-expose-headers`; empty (default) leaves it out. */
  readonly exposed: string
  /** Value of `access-control-max-age`, in s; empty (default) leaves it out. */
  readonly maxAge: string
  /** Callers may show cookies and the like. Default false. */
  readonly credentials: boolean
  /** Pages of public networks may call, if they ask. Default false. */
  readonly privateNetwork: boolean
  /** Preflights of other origins go to the application (default), or are answered without an origin. */
  readonly forwardOthers: boolean
  /** Of the requests, for how many all this is done. Default 100. */
  readonly percent: number
  /** Of the others, how many have their origin counted. Default 0. */
  readonly shadowPercent: number
}

export const cors = definePolicy({
  kind: 'cors',
  at: ['listener', 'route'],
  check: (raw, path, problems): CorsConfig => {
    onlyKeys(raw, keys, path, problems)
    return {
      origins: listOf(raw, 'origins', path, problems, checkStringMatch),
      methods: fieldText(raw, 'methods', path, problems),
      headers: fieldText(raw, 'headers', path, problems),
      exposed: fieldText(raw, 'exposed', path, problems),
      maxAge: fieldText(raw, 'maxAge', path, problems),
      credentials: flag(raw, 'credentials', path, problems, false),
      privateNetwork: flag(raw, 'privateNetwork', path, problems, false),
      forwardOthers: flag(raw, 'forwardOthers', path, problems, true),
      percent: decimal(raw, 'percent', path, problems, 100, 0, 100),
      shadowPercent: decimal(raw, 'shadowPercent', path, problems, 0, 0, 100),
    }
  },
  create: (config, { clock }) => {
    if (config.percent === 0 && config.shadowPercent === 0) return {}
    const tests = config.origins.map(compileStringMatch)
    const isAllowed = tests.some((test) => test('*'))
      ? () => true
      : (origin: string) => tests.some((test) => test(origin))
    return { request: (x) => answerOrigin(x, config, isAllowed, clock) }
  },
})

function answerOrigin(
  x: Exchange,
  config: CorsConfig,
  isAllowed: (origin: string) => boolean,
  clock: Clock,
): Verdict {
  const enabled = drawn(config.percent, clock)
  if (!enabled && !drawn(config.shadowPercent, clock)) return 'continue'
  const origin = fieldOf(x, 'origin')
  if (origin === '') return 'continue'
  const allowed = isAllowed(origin)
  if (x.stats.scope === 'http') {
    if (allowed) x.stats.counters.cors_origin_valid += 1
    else x.stats.counters.cors_origin_invalid += 1
  }
  if (!enabled) return 'continue'
  if (allowed) x.answerHeaders = answerFields(origin, config)
  const isPreflight = x.method === 'OPTIONS' && fieldOf(x, 'access-control-request-method') !== ''
  if (!isPreflight || (!allowed && config.forwardOthers)) return 'continue'
  return policyReply(x, 200, preflightFields(x, config), 'cors_response')
}

/** What every answer says to a page of an origin that is allowed. */
function answerFields(origin: string, { credentials, exposed }: CorsConfig): string[] {
  const fields = ['access-control-allow-origin', origin]
  if (credentials) fields.push('access-control-allow-credentials', 'true')
  if (exposed !== '') fields.push('access-control-expose-headers', exposed)
  return fields
}

/** What the answer to a preflight says besides. */
function preflightFields(x: Exchange, config: CorsConfig): string[] {
  const { credentials, methods, headers, maxAge, privateNetwork } = config
  const fields: string[] = []
  const asked = (name: string, allowed: string): string =>
    allowed === '*' ? fieldOf(x, `access-control-request-${name}`) : allowed
  if (credentials) fields.push('access-control-allow-credentials', 'true')
  if (methods !== '') fields.push('access-control-allow-methods', asked('method', methods))
  if (headers !== '') fields.push('access-control-allow-headers', asked('headers', headers))
  if (maxAge !== '') fields.push('access-control-max-age', maxAge)
  if (privateNetwork && fieldOf(x, 'access-control-request-private-network') === 'true') {
    fields.push('access-control-allow-private-network', 'true')
  }
  return fields
}

/** All values of a name with commas between them (Envoy writes no spaces); empty when there is none. */
const fieldOf = ({ requestHeaders }: Exchange, name: string): string =>
  headerJoined(requestHeaders, name, ',') ?? ''

const drawn = (percent: number, clock: Clock): boolean =>
  percent === 100 || clock.random() * 100 < percent

const keys = [
  'kind',
  'origins',
  'methods',
  'headers',
  'exposed',
  'maxAge',
  'credentials',
  'privateNetwork',
  'forwardOthers',
  'percent',
  'shadowPercent',
]

const fieldText = (raw: Raw, key: string, path: string, problems: Problems): string =>
  checkFieldText(text(raw, key, path, problems, ''), join(path, key), problems)
