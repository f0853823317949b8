import type { Clock, Timer } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import { localReply } from '../local-reply.ts'
import { checkNamedMatch, type NamedMatch } from '../matcher.ts'
import { checkPeerMatch, compilePeerMatch, type PeerMatch } from '../peer-match.ts'
import { definePolicy, type Verdict } from '../policy.ts'
import {
  decimal,
  join,
  listOf,
  onlyKeys,
  type Problems,
  type Raw,
  recordOrNull,
  records,
  required,
} from '../problems.ts'
import { responseFlags } from '../telemetry/response-flags.ts'
import { compileNamedList } from './named-list.ts'

/** Breaks requests on purpose. Percentages 0 to 100. Envoy: `envoy.filters.http.fault`; Kuma: MeshFaultInjection. */
export interface FaultConfig {
  /** One after the other, each with a draw of its own; an abort ends the list. */
  readonly faults: readonly Fault[]
}

export interface Fault {
  /** Status 200 to 599. */
  readonly abort: { readonly status: number; readonly percent: number } | null
  /** Holds the request before it is forwarded (or aborted). 1 ms to 1 h. */
  readonly delay: { readonly ms: number; readonly percent: number } | null
  /** Bytes a second of the response body. */
  readonly bandwidth: { readonly bytesPerSecond: number; readonly percent: number } | null
  /** Only peers that match; null is everyone. */
  readonly peer: PeerMatch | null
  /** Only requests that match all of these; empty (default): all. `:method` is a name. Kuma 2.x tells callers by a header. */
  readonly headers: readonly NamedMatch[]
}

export const fault = definePolicy({
  kind: 'fault',
  at: ['listener', 'route'],
  check: (raw, path, problems): FaultConfig => {
    onlyKeys(raw, ['kind', 'faults'], path, problems)
    return { faults: records(raw, 'faults', path, problems, checkFault) }
  },
  create: (config, { clock }) => {
    const faults = config.faults.map((one) => ({ ...one, concerns: compileConcern(one) }))
    const held = new Map<Exchange, Timer>()
    return {
      request: (x) => inject(x, { faults, held, clock }, 0),
      done(x) {
        // The caller left during a delay. Its promise stays unsettled and goes with the exchange.
        held.get(x)?.cancel()
        held.delete(x)
      },
    }
  },
})

interface Injector {
  readonly faults: readonly (Fault & { concerns(x: Exchange): boolean })[]
  /** Requests now delayed. */
  readonly held: Map<Exchange, Timer>
  readonly clock: Clock
}

/** Which requests a fault is for. */
function compileConcern({ peer, headers }: Fault): (x: Exchange) => boolean {
  const isPeer = compilePeerMatch(peer)
  if (headers.length === 0) return (x) => isPeer(x.connection)
  const tests = headers.map((named) => compileNamedList([named]))
  return (x) => isPeer(x.connection) && tests.every((test) => test(x))
}

/** The faults from the `from`-th: delay, then abort, then the rate of the answer, then the next (Envoy's order within one). */
function inject(x: Exchange, injector: Injector, from: number): Verdict | Promise<Verdict> {
  const { faults, clock } = injector
  for (let i = from; i < faults.length; i += 1) {
    const one = faults[i] as Injector['faults'][number]
    if (!one.concerns(x)) continue
    if (one.delay !== null && drawn(one.delay.percent, clock)) {
      return delayed(x, one.delay.ms, injector).then(() => {
        if (aborted(x, one, clock)) return 'replied'
        slow(x, one, clock)
        return inject(x, injector, i + 1)
      })
    }
    if (aborted(x, one, clock)) return 'replied'
    slow(x, one, clock)
  }
  return 'continue'
}

function delayed(x: Exchange, ms: number, { held, clock }: Injector): Promise<void> {
  x.flags |= responseFlags.DelayInjected.bit
  if (x.stats.scope === 'http') x.stats.counters.fault_delays_injected += 1
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => {
      held.delete(x)
      resolve()
    })
    held.set(x, timer)
  })
}

function aborted(x: Exchange, { abort }: Fault, clock: Clock): boolean {
  if (abort === null || !drawn(abort.percent, clock)) return false
  if (x.stats.scope === 'http') x.stats.counters.fault_aborts_injected += 1
  localReply(x, 'FaultInjected', 'fault_filter_abort', { status: abort.status })
  return true
}

/** The slowest of several rates holds. */
function slow(x: Exchange, { bandwidth }: Fault, clock: Clock): void {
  if (bandwidth === null || !drawn(bandwidth.percent, clock)) return
  const { bytesPerSecond } = bandwidth
  x.responseRate = x.responseRate === 0 ? bytesPerSecond : Math.min(x.responseRate, bytesPerSecond)
  if (x.stats.scope === 'http') x.stats.counters.fault_response_rl_injected += 1
}

const drawn = (percent: number, clock: Clock): boolean => clock.random() * 100 < percent

const maxDelayMs = 3_600_000

function checkFault(fields: Raw, path: string, problems: Problems): Fault {
  onlyKeys(fields, ['abort', 'delay', 'bandwidth', 'peer', 'headers'], path, problems)
  const abort = part(fields, 'abort', 'status', path, problems, 200, 599)
  const delay = part(fields, 'delay', 'ms', path, problems, 1, maxDelayMs)
  const bandwidth = part(fields, 'bandwidth', 'bytesPerSecond', path, problems, 1, 1e12)
  return {
    abort: abort === null ? null : { status: abort.value, percent: abort.percent },
    delay: delay === null ? null : { ms: delay.value, percent: delay.percent },
    bandwidth:
      bandwidth === null ? null : { bytesPerSecond: bandwidth.value, percent: bandwidth.percent },
    peer: checkPeerMatch(fields, path, problems),
    headers: listOf(fields, 'headers', path, problems, checkNamedMatch),
  }
}

/** `{ <key>: min to max, percent }` under `name`, or null. The percentage is required: a fault by default would be a trap. */
function part(
  raw: Raw,
  name: string,
  key: string,
  path: string,
  problems: Problems,
  min: number,
  max: number,
): { readonly value: number; readonly percent: number } | null {
  const fields = recordOrNull(raw, name, path, problems)
  if (fields === null) return null
  const at = join(path, name)
  onlyKeys(fields, [key, 'percent'], at, problems)
  if (fields.percent === undefined) problems.add(join(at, 'percent'), 'is required')
  return {
    value: required(fields, key, at, problems, min, max),
    percent: decimal(fields, 'percent', at, problems, 0, 0, 100),
  }
}
