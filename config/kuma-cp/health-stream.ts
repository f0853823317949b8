import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import { backOffMs } from '../back-off.ts'
import type { OpenStream, Stream } from '../xds/client/stream.ts'
import { decodeMessage } from '../xds/proto/decode.ts'
import { encodeMessage } from '../xds/proto/encode.ts'
import type { Handshake } from './control-plane.ts'
import type { Health } from './health.ts'

const method = '/envoy.service.health.v3.HealthDiscoveryService/StreamHealthCheck'
const requestType = 'envoy.service.health.v3.HealthCheckRequestOrEndpointHealthResponse'
const specifierType = 'envoy.service.health.v3.HealthCheckSpecifier'
/** What we can probe with. gRPC has no word of its own in HDS. */
const capability = { health_check_protocols: ['HTTP', 'TCP'] }
/** How often is looked whether the control plane has been reached at all. */
const lookMs = 1_000

export interface HealthStreamOptions {
  /** The last handshake; null until there was one. */
  readonly latest: () => Handshake | null
  readonly openStream: OpenStream
  readonly health: Health
  readonly clock: Clock
  readonly log: Log
}

/** Tells a control plane of our health for as long as it wants to hear of it (HDS). */
export interface HealthStream {
  /** Our own state has changed: it is told at once. */
  changed(): void
  stop(): void
}

interface Life {
  readonly options: HealthStreamOptions
  stream: Stream | null
  failures: number
  stopped: boolean
  /** To the next connection, or between two reports. */
  timer: Timer | null
}

/**
 * Opens the stream when the control plane has been reached and again whenever it is lost; reports at the interval that
 * the control plane names. Source: Envoy `HdsDelegate`; Kuma `pkg/hds`.
 */
export function startHealthStream(options: HealthStreamOptions): HealthStream {
  const life: Life = { options, stream: null, failures: 0, stopped: false, timer: null }
  connect(life)
  return {
    changed: () => tell(life),
    stop() {
      life.stopped = true
      life.timer?.cancel()
      life.stream?.close()
      life.stream = null
      options.health.stop()
    },
  }
}

function connect(life: Life): void {
  const { openStream, clock } = life.options
  const handshake = latestOf(life)
  if (handshake?.hds !== true) {
    life.timer = clock.after(lookMs, () => connect(life))
    return
  }
  const stream = openStream(handshake.address, method, {
    message: async (bytes) => heard(life, bytes),
    ended: (reason) => lost(life, reason),
  })
  life.stream = stream
  const request = { health_check_request: { node: handshake.node, capability } }
  stream.send(encodeMessage(requestType, request))
}

/** Without its token a stream makes no sense; the file may be on its way. */
function latestOf({ options: { latest, log } }: Life): Handshake | null {
  try {
    return latest()
  } catch (error) {
    log.warn('health cannot be reported', { reason: String(error), againInMs: lookMs })
    return null
  }
}

function heard(life: Life, bytes: Uint8Array): void {
  const { health, log, clock } = life.options
  if (life.stream === null) return
  const { value, problem } = decodeMessage(specifierType, bytes)
  const findings =
    value === null ? [{ ...problem, severity: 'error' as const }] : health.take(value)
  const wrong = findings.find(({ severity }) => severity === 'error')
  if (wrong !== undefined) {
    life.stream.close()
    lost(life, `health checks ${wrong.path} ${wrong.message}`)
    return
  }
  if (life.failures > 0) log.info('health is reported again')
  life.failures = 0
  life.timer?.cancel()
  life.timer = clock.every(health.intervalMs(), () => tell(life))
}

/** Before the first specifier there is nothing to tell. */
function tell({ stream, options: { health } }: Life): void {
  if (stream === null || health.intervalMs() === 0) return
  stream.send(encodeMessage(requestType, { endpoint_health_response: health.report() }))
}

function lost(life: Life, reason: string): void {
  const { clock, log } = life.options
  life.stream = null
  life.timer?.cancel()
  if (life.stopped) return
  const againInMs = backOffMs(life.failures, clock)
  life.failures += 1
  log.warn('health cannot be reported', { reason, againInMs })
  life.timer = clock.after(againInMs, () => connect(life))
}
