import * as v from 'valibot'
import type { FaultConfig } from '../../../proxy/policies/fault.ts'
import { durationMs } from '../../duration.ts'
import { type Peer, peerMatchOf } from '../peers.ts'
import { numeric, translation, withPolicies } from '../policy.ts'
import {
  type MeshFaultInjectionConf,
  meshFaultInjectionConf,
} from '../schemas/mesh-fault-injection.ts'

type Fault = FaultConfig['faults'][number]
type FaultBody = NonNullable<MeshFaultInjectionConf['http']>[number]

/** Kuma MeshFaultInjection: entries are not merged; each breaks the requests of the callers it names. HTTP only. */
export const meshFaultInjection = translation({
  kind: 'MeshFaultInjection',
  schema: meshFaultInjectionConf,
  inbound: (entries, filter, { protocol }) => {
    if (protocol === 'tcp') return filter
    const faults = entries.flatMap(({ conf, peer }) =>
      (v.parse(meshFaultInjectionConf, conf ?? {}).http ?? []).map((body) => faultOf(body, peer)),
    )
    if (faults.length === 0) return filter
    return { ...filter, policies: withPolicies(filter.policies, { kind: 'fault', faults }) }
  },
})

const faultOf = ({ abort, delay, responseBandwidth }: FaultBody, peer: Peer | null): Fault => ({
  abort:
    abort === undefined ? null : { status: abort.httpStatus, percent: numeric(abort.percentage) },
  delay:
    delay === undefined
      ? null
      : { ms: durationMs(delay.value), percent: numeric(delay.percentage) },
  bandwidth:
    responseBandwidth === undefined
      ? null
      : {
          bytesPerSecond: bytesPerSecond(responseBandwidth.limit),
          percent: numeric(responseBandwidth.percentage),
        },
  peer: peerMatchOf(peer),
  headers: [],
})

const bitsPerUnit: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 }

/** `1.5 Mbps` → 187,500. Kuma counts bits, in powers of ten. */
function bytesPerSecond(limit: string): number {
  const unit = /([kmg])bps$/i.exec(limit)?.[1]?.toLowerCase() ?? 'k'
  return Math.max(1, Math.round((Number.parseFloat(limit) * (bitsPerUnit[unit] ?? 1)) / 8))
}
