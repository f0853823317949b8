import type { HttpFilter } from '../../../proxy/model/listener.ts'
import type { FaultConfig } from '../../../proxy/policies/fault.ts'
import { isRecord } from '../../../proxy/problems.ts'
import { type Apply, protoMs, wholeNumber } from './values.ts'

type Fault = FaultConfig['faults'][number]

/** A part of every fault that has it; null when none has, or the value is not understood. */
const part =
  <P extends 'abort' | 'delay' | 'bandwidth', K extends keyof NonNullable<Fault[P]>>(
    name: P,
    key: K,
    read: (value: unknown) => NonNullable<Fault[P]>[K] | null,
  ): Apply<HttpFilter> =>
  (filter, value) => {
    const policy = filter.policies.find(({ kind }) => kind === 'fault')
    if (policy?.kind !== 'fault') return filter
    const result = read(value)
    if (result === null || policy.faults.every((fault) => fault[name] === null)) return null
    const faults = policy.faults.map((fault) =>
      fault[name] === null ? fault : { ...fault, [name]: { ...fault[name], [key]: result } },
    )
    const policies = filter.policies.map((one) => (one === policy ? { ...policy, faults } : one))
    return { ...filter, policies }
  }

const denominators: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
}

/** `envoy.type.v3.FractionalPercent` in percent; null when it is none. */
function fraction(value: unknown): number | null {
  if (!isRecord(value)) return null
  const numerator = wholeNumber(0)(value.numerator)
  const of = denominators[String(value.denominator ?? 'HUNDRED')]
  return numerator === null || of === undefined ? null : Math.min(100, (numerator / of) * 100)
}

const holdMs = (value: unknown): number | null => {
  const ms = protoMs(value)
  return ms === null || ms < 1 || ms > 3_600_000 ? null : ms
}

/** Envoy counts KiB. */
const kibibytes = (value: unknown): number | null => {
  const number = wholeNumber(1, 4_194_303)(value)
  return number === null ? null : number * 1_024
}

/** The filters of requests whose settings a `Patch` may change, by name. Fields of `HTTPFault`. */
export const httpFilters = {
  'envoy.filters.http.fault': {
    kind: 'http',
    fields: {
      'typedConfig.abort.httpStatus': part('abort', 'status', wholeNumber(200, 599)),
      'typedConfig.abort.percentage': part('abort', 'percent', fraction),
      'typedConfig.delay.fixedDelay': part('delay', 'ms', holdMs),
      'typedConfig.delay.percentage': part('delay', 'percent', fraction),
      'typedConfig.responseRateLimit.fixedLimit.limitKbps': part(
        'bandwidth',
        'bytesPerSecond',
        kibibytes,
      ),
      'typedConfig.responseRateLimit.percentage': part('bandwidth', 'percent', fraction),
    },
  },
} as const
