import * as v from 'valibot'
import { WebSocket } from 'ws'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import { isoTime } from '../../proxy/telemetry/strftime.ts'
import { backOffMs } from '../back-off.ts'
import { type LastKnownGood, lastKnownGood } from '../last-known-good.ts'
import { type Emission, hasErrors, logProblem, type Source, type SourceProblem } from '../source.ts'
import { systemRoots } from '../system-roots.ts'
import { newTranslate, type Translate } from './emission.ts'
import { holdsKeys } from './keys.ts'
import { type FeedItem, type FromSidecar, keyOf } from './messages.ts'
import { type FeedState, newSession, type Session } from './session.ts'

const handshakeMs = 10_000
const pingMs = 15_000
/** One message: a mesh of some ten thousand proxies. */
const maxMessageBytes = 67_108_864

export interface FeedOptions {
  readonly url: string
  readonly mesh: string
  readonly name: string
  /** Of the program. */
  readonly version: string
  /** Asked anew for each connection; throws when something cannot be read. */
  readonly credentials: () => FeedCredentials
  /** Where the last good configuration is kept; null keeps none. */
  readonly stateDir: string | null
  /** Keep secrets that a feed of the model carries, too. */
  readonly stateKeys: boolean
  readonly clock: Clock
  readonly log: Log
}

export interface FeedCredentials {
  /** Null sends none. */
  readonly token: string | null
  /** PEM; null trusts Node's roots and the system's. */
  readonly ca: string | null
  /** PEM, shown to the server. */
  readonly cert: string | null
  readonly key: string | null
}

interface Life {
  readonly options: FeedOptions
  readonly session: Session
  readonly kept: LastKnownGood<Stored> | null
  /** Null while stopped. */
  emit: ((emission: Emission) => void) | null
  /** What the last state meant. */
  judged: Emission | null
  /** Something good was emitted. */
  serving: boolean
  socket: WebSocket | null
  /** The last ping has not been answered. */
  waiting: boolean
  ping: Timer | null
  retry: Timer | null
  failures: number
  /** Unix ms since when the server has not confirmed what we have; null while it has. */
  staleSince: number | null
}

/** A WebSocket feed as a source: it stays connected, and what it last accepted stays at work whatever the server does. */
export function feedSource(options: FeedOptions): Source {
  const { mesh, name, version, stateDir } = options
  const kept =
    stateDir === null
      ? null
      : lastKnownGood(stateDir, `${mesh}/${name}`, (raw) => v.parse(stored, raw))
  const before = kept === null ? null : loaded(kept, options)
  const translate: Translate = newTranslate(mesh, name)
  const life: Life = {
    options,
    kept,
    session: newSession({
      node: { name, mesh, version },
      state: before?.state ?? null,
      judge(state) {
        life.judged = translate(state)
        return life.judged.problems
      },
    }),
    emit: null,
    judged: null,
    serving: false,
    socket: null,
    waiting: false,
    ping: null,
    retry: null,
    failures: 0,
    staleSince: before?.savedAt ?? options.clock.wall(),
  }
  return {
    start(emit) {
      life.emit = emit
      if (before !== null && !life.serving) emitStale(life, translate(before.state), before.savedAt)
      connect(life)
    },
    staleSince: () => life.staleSince,
    stop() {
      life.emit = null
      life.retry?.cancel()
      life.ping?.cancel()
      const { socket } = life
      life.socket = null
      socket?.terminate()
    },
  }
}

function loaded(
  kept: LastKnownGood<Stored>,
  { log }: FeedOptions,
): { readonly savedAt: number; readonly state: FeedState } | null {
  try {
    const found = kept.load()
    return found === null ? null : { savedAt: found.savedAt, state: stateOf(found.state) }
  } catch (error) {
    log.warn('the last known good configuration cannot be used', { reason: String(error) })
    return null
  }
}

function emitStale(life: Life, emission: Emission, savedAt: number): void {
  if (emission.snapshot === null) {
    life.options.log.warn('the last known good configuration is not good for this version')
    return
  }
  const since = isoTime()(savedAt)
  life.options.log.warn('serving the last known good configuration until the feed says more', {
    since,
  })
  const stale: SourceProblem = {
    file: '',
    line: 0,
    column: 0,
    resource: '',
    path: '',
    message: `this is the last known good configuration, of ${since}; the feed has not been heard since`,
    hint: null,
    severity: 'warning',
  }
  life.serving = true
  life.judged = emission
  life.emit?.({ ...emission, problems: [...emission.problems, stale] })
}

function connect(life: Life): void {
  const { options } = life
  const { url, clock, log } = options
  let credentials: FeedCredentials
  try {
    credentials = options.credentials()
  } catch (error) {
    lost(life, error instanceof Error ? error.message : String(error))
    return
  }
  const { token, ca, cert, key } = credentials
  const socket = new WebSocket(url, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    handshakeTimeout: handshakeMs,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    ...(url.startsWith('wss:') && { ca: ca ?? systemRoots() }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
  })
  life.socket = socket
  let reason = 'the server closed the connection'
  socket.on('open', () => {
    log.info('feed connected', { url })
    life.waiting = false
    life.ping = clock.every(pingMs, () => checkAlive(life, socket))
    send(socket, life.session.hello())
  })
  socket.on('pong', () => {
    life.waiting = false
  })
  socket.on('message', (data, isBinary) => {
    if (life.socket !== socket) return
    const fatal = isBinary ? 'a message is not text' : received(life, socket, String(data))
    if (fatal === null) return
    reason = fatal
    socket.close(1002)
    socket.terminate()
  })
  socket.on('error', (error) => {
    reason = error.message
  })
  socket.on('close', () => {
    if (life.socket === socket) lost(life, reason)
  })
}

/** Takes in a message; a text when the conversation cannot go on. */
function received(life: Life, socket: WebSocket, text: string): string | null {
  const { replies, accepted, fatal } = life.session.receive(text)
  for (const reply of replies) send(socket, reply)
  if (fatal !== null) return fatal
  life.failures = 0
  life.staleSince = null
  if (replies.some(({ type }) => type === 'nack')) refused(life, replies)
  else if (accepted) {
    if (life.judged !== null) life.emit?.(life.judged)
    life.serving = true
    keep(life)
  } else if (replies.length === 0 && life.judged !== null) {
    // What we have is what there is: no longer stale.
    life.emit?.(life.judged)
  }
  return null
}

/** Before anything serves a refused configuration is only told: the next may be better. */
function refused(life: Life, replies: readonly FromSidecar[]): void {
  const { log } = life.options
  for (const reply of replies) {
    if (reply.type !== 'nack') continue
    for (const problem of reply.problems) {
      logProblem(log, { file: 'feed', line: 0, column: 0, ...problem })
    }
  }
  const judged = life.judged
  if (life.serving && judged !== null && hasErrors(judged.problems)) life.emit?.(judged)
}

function keep({ kept, session, options }: Life): void {
  const state = session.state()
  if (kept === null || state === null) return
  const { clock, log, stateKeys } = options
  if (!stateKeys && holdsKeys(state)) {
    log.debug('the configuration holds keys and is not kept; see --state-keys')
    return
  }
  try {
    kept.save({
      savedAt: clock.wall(),
      state: { ...state, resources: [...state.resources.values()] },
    })
  } catch (error) {
    log.warn('the configuration cannot be kept for a restart', { reason: String(error) })
  }
}

const stored = v.object({
  version: v.string(),
  format: v.picklist(['kuma', 'model']),
  resources: v.array(v.record(v.string(), v.unknown())),
})

type Stored = v.InferOutput<typeof stored>

function stateOf({ version, format, resources }: Stored): FeedState {
  const list = new Map<string, FeedItem>()
  for (const one of resources) {
    const key = keyOf(format, one)
    if (typeof key !== 'string') throw new Error(key.wrong)
    list.set(key, one)
  }
  return { version, format, resources: list }
}

function checkAlive(life: Life, socket: WebSocket): void {
  if (life.waiting) {
    socket.terminate()
    return
  }
  life.waiting = true
  socket.ping()
}

/** Comes back with an exponential, jittered pause; what is at work stays. */
function lost(life: Life, reason: string): void {
  const { clock, log, url } = life.options
  life.ping?.cancel()
  life.socket = null
  if (life.emit === null) return
  life.staleSince ??= clock.wall()
  const ms = backOffMs(life.failures, clock)
  life.failures += 1
  log.warn('feed lost', { url, reason, againInMs: ms })
  life.retry = clock.after(ms, () => connect(life))
}

const send = (socket: WebSocket, message: FromSidecar): void => socket.send(JSON.stringify(message))
