import type { Clock } from '../clock.ts'
import type { Endpoint } from '../cluster/endpoint.ts'
import { unhealthyBits } from '../unhealthy.ts'

/** Field of an answer by which a draining sidecar asks its peers to go elsewhere. Envoy: `x-envoy-immediate-health-check-fail`. */
export const leavingField = 'x-envoy-immediate-health-check-fail'

/**
 * What was to go over the connection, whatever the cluster says: control planes call clusters HTTP/2 that carry bytes. Of
 * `bytes` the next connection must tell, since one of ours would be a visit to the application.
 */
export type Traffic = 'http' | 'bytes'

/** How long an endpoint rests after its first refusal, and at most. */
const firstRestMs = 250
const longestRestMs = 10_000
/** … and after it said that it is leaving. If it is still there by then it says so again, with an answer that is good. */
const leavingRestMs = 10_000

/**
 * An endpoint that refused a connection rests: it is not picked while others may be, until a connection made in the
 * background comes about, tried less and less often. No request has to find out, and a restart next door does not cost
 * retries. (Linkerd's balancer likewise picks only what is connected.)
 */
export function refused(endpoint: Endpoint, clock: Clock, traffic: Traffic): void {
  endpoint.refusals += 1
  const ms = Math.min(firstRestMs * 2 ** (endpoint.refusals - 1), longestRestMs)
  rest(endpoint, clock, ms * (0.5 + clock.random() / 2), traffic)
}

/** The endpoint has said that it is about to stop. */
export function leaving(endpoint: Endpoint, clock: Clock): void {
  rest(endpoint, clock, leavingRestMs, 'http')
}

/** A connection came about. */
export function connected(endpoint: Endpoint): void {
  if (endpoint.refusals === 0) return
  endpoint.refusals = 0
  wake(endpoint)
}

function rest(endpoint: Endpoint, clock: Clock, ms: number, traffic: Traffic): void {
  const { cluster } = endpoint
  const bit = unhealthyBits.byConnection
  // Where too few healthy endpoints mean no answer at all, what we noticed by ourselves must not tip the scale.
  if (cluster.config.failInPanic || (endpoint.unhealthy & bit) !== 0) return
  endpoint.unhealthy |= bit
  cluster.refresh()
  clock.after(ms, () => tryAgain(endpoint, clock, traffic))
}

function tryAgain(endpoint: Endpoint, clock: Clock, traffic: Traffic): void {
  if (endpoint.retired || (endpoint.unhealthy & unhealthyBits.byConnection) === 0) return
  if (traffic === 'bytes') wake(endpoint)
  else endpoint.pools.at(-1)?.reconnect((up) => (up ? wake(endpoint) : restLonger(endpoint, clock)))
}

function wake(endpoint: Endpoint): void {
  if ((endpoint.unhealthy & unhealthyBits.byConnection) === 0) return
  endpoint.unhealthy &= ~unhealthyBits.byConnection
  endpoint.cluster.refresh()
}

function restLonger(endpoint: Endpoint, clock: Clock): void {
  const ms = Math.min(firstRestMs * 2 ** endpoint.refusals, longestRestMs)
  clock.after(ms * (0.5 + clock.random() / 2), () => tryAgain(endpoint, clock, 'http'))
}
