import type { StringMatch } from '../matcher.ts'
import { definePolicy } from '../policy.ts'

/** Breaks requests on purpose. Percentages 0 to 100. Envoy: `envoy.filters.http.fault`; Kuma: MeshFaultInjection. */
export interface FaultConfig {
  readonly faults: readonly {
    readonly abort: { readonly status: number; readonly percent: number } | null
    readonly delay: { readonly ms: number; readonly percent: number } | null
    /** Bytes a second of the response body. */
    readonly bandwidth: { readonly bytesPerSecond: number; readonly percent: number } | null
    /** Only peers that match; null is everyone. */
    readonly peer: {
      readonly spiffeId: StringMatch | null
      readonly sni: StringMatch | null
    } | null
  }[]
}

export const fault = definePolicy({
  kind: 'fault',
  at: ['listener', 'route'],
  check: (_raw, _path, _problems): FaultConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
