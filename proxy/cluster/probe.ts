import type { HealthCheck } from '../model/cluster.ts'
import type { Connected, Connecting } from '../upstream/connect.ts'

/**
 * How a probe ended: well; answered, but not as wanted; never got through; or not in time. Envoy's failure types
 * ACTIVE, NETWORK and NETWORK_TIMEOUT.
 */
export type ProbeResult = 'success' | 'refused' | 'network' | 'timeout'

/** What asks one endpoint, again and again, whether it is well. One question at a time. */
export interface Probe {
  /** Asks. Calls `done` now or later; only the first call counts. */
  start(done: (result: ProbeResult) => void): void
  /** Drops the connection and a question under way, whose `done` may still be called. May be started again. */
  close(): void
}

/** Opens a connection to the endpoint of a probe; calls `done` once. */
export type Connect = (done: (result: Connected) => void) => Connecting

type Spec = HealthCheck['probe']
export type TcpSpec = Extract<Spec, { readonly kind: 'tcp' }>
export type HttpSpec = Extract<Spec, { readonly kind: 'http' }>
export type GrpcSpec = Extract<Spec, { readonly kind: 'grpc' }>

/** Most bytes of an answer that are read. */
export const maxAnswerBytes = 65_536

/** As Envoy calls itself, since applications and their access logs tell probes by it. */
export const probeUserAgent = 'Envoy/HC'

/** Without any expectation only 200 will do. Envoy: `expected_statuses`. */
export function isExpected(spec: HttpSpec, status: number): boolean {
  const { expectedStatuses } = spec
  if (expectedStatuses.length === 0) return status === 200
  return expectedStatuses.some(({ start, end }) => status >= start && status < end)
}
