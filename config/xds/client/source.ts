import type { Clock, Timer } from '../../../proxy/clock.ts'
import type { Log } from '../../../proxy/log.ts'
import { atOnce, paced } from '../../../proxy/pace.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { didYouMean } from '../../nearest.ts'
import { hasErrors, logProblem, type Source, type SourceProblem } from '../../source.ts'
import { readSubsetName } from '../cluster/subset-name.ts'
import type { Translators } from '../reading/translate.ts'
import type { Outside } from '../reading/values.ts'
import { type Assembly, newAssembly, warmingMs } from './assembly.ts'
import { type Conversation, converse } from './conversation.ts'
import { newDeltaSession } from './delta-session.ts'
import { emissionOf } from './emission.ts'
import { inventoryOfControlPlane } from './inventories.ts'
import type { Fixed, Reaction, Session } from './inventory.ts'
import { type Keeping, type KeepingOptions, newKeeping } from './keeping.ts'
import { clustersOf } from './references.ts'
import { newSecretServers, type SecretServers } from './secret-servers.ts'
import { aggregatedService } from './service.ts'
import { type AcceptedVersions, newSotwSession } from './sotw-session.ts'
import { newStore, type Store } from './store.ts'
import type { ControlPlaneAddress, OpenStream } from './stream.ts'

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
  /** `envoy.config.core.v3.Node`: who we say we are to servers of secrets. */
  readonly node: () => Raw
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
  conversation: Conversation | null
  readonly servers: SecretServers
  /** Unix ms since when nothing has confirmed what we have; null while a stream has. */
  staleSince: number | null
  /** Something is to be put to work when what is being read has been taken. */
  owed: boolean
  /** Something is at work, which long work must not disturb. */
  serving: boolean
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
    conversation: null,
    servers: serversOf(() => life, store, options),
    staleSince: options.dial === null ? null : clock.wall(),
    owed: false,
    serving: false,
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
      if (options.dial !== null) life.conversation = speak(life, options.dial)
    },
    staleSince: () => life.staleSince,
    stop() {
      life.emit = null
      for (const timer of [life.settling, life.warming]) timer?.cancel()
      life.settling = null
      life.keeping?.flush()
      life.conversation?.close()
      life.conversation = null
      life.servers.close()
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

/** Keeps the stream of all kinds open. */
function speak(life: Life, dial: () => Promise<Dialled>): Conversation {
  const { clock, log, openStream } = life.options
  const inventory = inventoryOfControlPlane(life.store)
  return converse({
    peer: 'control plane',
    async dial() {
      const { address, node, delta } = await dial()
      const session = delta
        ? newDeltaSession(node, inventory, aggregatedService)
        : newSotwSession(node, inventory, life.accepted, aggregatedService)
      return { address, session }
    },
    openStream,
    receive: (session, bytes) => receive(life, session, bytes),
    taken: (reaction) => taken(life, reaction),
    answers() {
      life.staleSince = null
    },
    lost() {
      life.staleSince ??= clock.wall()
    },
    clock,
    log,
  })
}

const serversOf = (life: () => Life, store: Store, { clock, ...options }: XdsOptions) =>
  newSecretServers({
    store,
    node: options.node,
    openStream: options.openStream,
    receive: (session, bytes) => receive(life(), session, bytes),
    taken: (reaction) => taken(life(), reaction),
    changed: () => settleSoon(life()),
    clock,
    log: options.log,
  })

async function receive(life: Life, session: Session, bytes: Uint8Array): Promise<Reaction> {
  const work = session.receive(bytes)
  return life.serving ? paced(work, life.options.clock) : atOnce(work)
}

function taken(life: Life, { kind }: Reaction): void {
  if (life.emit === null || (kind === null && !life.owed)) return
  if (kind !== null) life.keeping?.changed()
  settleSoon(life)
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
  life.owed = life.conversation?.reading() === true || life.servers.reading()
  if (life.owed) return
  life.servers.follow()
  const { clock, log } = life.options
  const { snapshot, warming } = life.assembly.assemble(clock.now())
  life.warming?.cancel()
  life.warming = warming.length === 0 ? null : clock.after(warmingMs, () => settle(life))
  for (const line of warming) if (!life.waiting.includes(line)) log.debug('warming', { line })
  life.waiting = warming
  if (snapshot === null) return
  life.serving = true
  life.emit?.(emissionOf(life.store, snapshot, [...warming, ...life.servers.troubles()]))
}
