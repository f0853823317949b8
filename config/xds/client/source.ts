import type { Clock, Timer } from '../../../proxy/clock.ts'
import type { Log } from '../../../proxy/log.ts'
import { atOnce, paced } from '../../../proxy/pace.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { backOffMs } from '../../back-off.ts'
import { didYouMean } from '../../nearest.ts'
import { hasErrors, logProblem, type Source, type SourceProblem } from '../../source.ts'
import { readSubsetName } from '../cluster/subset-name.ts'
import { encodeMessage } from '../proto/encode.ts'
import type { Translators } from '../reading/translate.ts'
import type { Outside } from '../reading/values.ts'
import { type Assembly, newAssembly, warmingMs } from './assembly.ts'
import { newDeltaSession } from './delta-session.ts'
import { emissionOf, sayRefusal } from './emission.ts'
import type { Fixed, Session } from './inventory.ts'
import { type Keeping, type KeepingOptions, newKeeping } from './keeping.ts'
import { clustersOf } from './references.ts'
import { type AcceptedVersions, newSotwSession } from './sotw-session.ts'
import { newStore, type Store } from './store.ts'
import type { ControlPlaneAddress, OpenStream, Stream } from './stream.ts'

/** What is needed to talk to a control plane. */
export interface Dialled {
  readonly address: ControlPlaneAddress
  /** `envoy.config.core.v3.Node`: who we say we are. */
  readonly node: Raw
  /** The incremental protocol, else the state of the world. */
  readonly delta: boolean
}

export interface XdsOptions {
  /** Asked before each stream, so that tokens, files and names are fresh. Null: there is none, the bootstrap is all. */
  readonly dial: (() => Promise<Dialled>) | null
  readonly openStream: OpenStream
  readonly translators: Translators
  readonly outside: Outside
  /** Resources that stand in the bootstrap. */
  readonly fixed: readonly Fixed[]
  /** What was found in the bootstrap itself; an error keeps us from starting. */
  readonly problems: readonly SourceProblem[]
  /** Where the last good configuration is kept; null keeps none. */
  readonly keep: KeepingOptions | null
  readonly clock: Clock
  readonly log: Log
}

interface Life {
  readonly options: XdsOptions
  readonly store: Store
  readonly assembly: Assembly
  readonly keeping: Keeping | null
  readonly accepted: AcceptedVersions
  /** Null while stopped. */
  emit: Parameters<Source['start']>[0] | null
  stream: Stream | null
  /** Unix ms since when nothing has confirmed what we have; null while a stream has. */
  staleSince: number | null
  /** A response of which a part has been taken; settled when all are. */
  reading: Promise<void> | null
  /** Something is at work, which long work must not disturb. */
  serving: boolean
  failures: number
  retry: Timer | null
  settling: Timer | null
  warming: Timer | null
  /** What was last said to wait, so that it is said once. */
  waiting: readonly string[]
}

/** Changes that come together are put to work together. */
const settleMs = 5

/**
 * An xDS control plane as a source (ADS, v3). It stays connected; what was accepted stays at work whatever the server does,
 * and over a restart where `keep` says so.
 */
export function xdsSource(options: XdsOptions): Source {
  const { clock, log } = options
  const store = newStore(options.translators, options.outside)
  const life: Life = {
    options,
    store,
    assembly: newAssembly(store),
    keeping: options.keep === null ? null : newKeeping(options.keep, store, clock, log),
    accepted: new Map(),
    emit: null,
    stream: null,
    staleSince: options.dial === null ? null : clock.wall(),
    reading: null,
    serving: false,
    failures: 0,
    retry: null,
    settling: null,
    warming: null,
    waiting: [],
  }
  const problems = [...options.problems, ...options.fixed.flatMap((one) => fix(store, one))]
  // Without a control plane there is nothing more to hear.
  if (options.dial === null) {
    problems.push(...options.fixed.flatMap((one) => strays(store, one)))
    atOnce(store.take('clusters', [], []))
    atOnce(store.take('listeners', [], []))
  }
  const savedAt = life.keeping?.restore() ?? null
  if (savedAt !== null) life.staleSince = savedAt
  return {
    start(emit) {
      life.emit = emit
      if (hasErrors(problems)) {
        emit({ snapshot: null, settings: null, identity: null, problems })
        return
      }
      for (const problem of problems) logProblem(log, problem)
      settle(life)
      if (options.dial !== null) void connect(life, options.dial)
    },
    staleSince: () => life.staleSince,
    stop() {
      life.emit = null
      for (const timer of [life.retry, life.settling, life.warming]) timer?.cancel()
      life.settling = null
      life.keeping?.flush()
      life.stream?.close()
      life.stream = null
    },
  }
}

function fix(store: Store, { kind, problem, ...incoming }: Fixed): readonly SourceProblem[] {
  const refusal = store.fix(kind, incoming)
  return refusal === null ? [] : refusal.findings.map(problem)
}

/** The clusters that a listener of the bootstrap sends to and nobody will bring. */
function strays(store: Store, { kind, name, problem }: Fixed): readonly SourceProblem[] {
  const value = kind === 'listeners' ? store.held.listeners.get(name)?.value : undefined
  if (value?.listener == null) return []
  const known = [...store.held.clusters.keys()]
  return [...clustersOf(value.listener, value.routeTables)]
    .filter((cluster) => readSubsetName(cluster) === null && !known.includes(cluster))
    .map((cluster) =>
      problem({
        path: '',
        message: `sends to the cluster ${cluster}, which is not there`,
        hint: didYouMean(cluster, known),
        severity: 'warning',
      }),
    )
}

async function connect(life: Life, dial: () => Promise<Dialled>): Promise<void> {
  let dialled: Dialled
  try {
    dialled = await dial()
  } catch (error) {
    lost(life, dial, error instanceof Error ? error.message : String(error))
    return
  }
  // What the stream before has brought is taken first.
  await life.reading
  if (life.emit === null) return
  const { address, node, delta } = dialled
  const session = delta
    ? newDeltaSession(node, life.store)
    : newSotwSession(node, life.store, life.accepted)
  const stream = life.options.openStream(address, session.method, {
    message(bytes) {
      life.reading = received(life, dial, session, bytes).finally(() => {
        life.reading = null
      })
      return life.reading
    },
    ended: (reason) => lost(life, dial, reason),
  })
  life.stream = stream
  life.options.log.info('connecting to the control plane', { target: address.target, delta })
  send(stream, session, session.open())
}

async function received(
  life: Life,
  dial: () => Promise<Dialled>,
  session: Session,
  bytes: Uint8Array,
): Promise<void> {
  const { stream, options } = life
  if (stream === null) return
  const work = session.receive(bytes)
  const reaction = life.serving ? await paced(work, options.clock) : atOnce(work)
  const { requests, kind, refusals, fatal } = reaction
  if (kind !== null && life.emit !== null) {
    life.keeping?.changed()
    settleSoon(life)
  }
  // Lost meanwhile.
  if (life.stream !== stream) return
  send(stream, session, requests)
  if (fatal !== null) {
    stream.close()
    lost(life, dial, fatal)
    return
  }
  if (life.failures > 0 || life.staleSince !== null) options.log.info('control plane answers')
  life.failures = 0
  life.staleSince = null
  for (const refusal of refusals) sayRefusal(options.log, refusal)
}

function settleSoon(life: Life): void {
  life.settling ??= life.options.clock.after(settleMs, () => {
    life.settling = null
    settle(life)
  })
}

/** Puts to work what is complete, and looks again when what is missing has been waited for long enough. */
function settle(life: Life): void {
  // Soon again, when all of it has been taken.
  if (life.reading !== null) return
  const { clock, log } = life.options
  const { snapshot, warming } = life.assembly.assemble(clock.now())
  life.warming?.cancel()
  life.warming = warming.length === 0 ? null : clock.after(warmingMs, () => settle(life))
  for (const line of warming) if (!life.waiting.includes(line)) log.debug('warming', { line })
  life.waiting = warming
  if (snapshot === null) return
  life.serving = true
  life.emit?.(emissionOf(life.store, snapshot, warming))
}

/** Comes back with an exponential, jittered pause; what is at work stays. */
function lost(life: Life, dial: () => Promise<Dialled>, reason: string): void {
  const { clock, log } = life.options
  life.stream = null
  if (life.emit === null) return
  life.staleSince ??= clock.wall()
  const ms = backOffMs(life.failures, clock)
  life.failures += 1
  log.warn('control plane lost', { reason, againInMs: ms })
  life.retry = clock.after(ms, () => void connect(life, dial))
}

function send(stream: Stream, { requestType }: Session, requests: readonly Raw[]): void {
  for (const request of requests) stream.send(encodeMessage(requestType, request))
}
