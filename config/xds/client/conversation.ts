import type { Clock, Timer } from '../../../proxy/clock.ts'
import type { Log } from '../../../proxy/log.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { backOffMs } from '../../back-off.ts'
import { encodeMessage } from '../proto/encode.ts'
import { sayRefusal } from './emission.ts'
import type { Reaction, Session } from './inventory.ts'
import type { ControlPlaneAddress, OpenStream, Stream } from './stream.ts'

/** Where a stream goes, and what is said on it. */
export interface Call {
  readonly address: ControlPlaneAddress
  readonly session: Session
}

export interface ConversationOptions {
  /** Who it is with, for logs, as in `control plane`. */
  readonly peer: string
  /** Asked before each stream. Throws with a reason. */
  readonly dial: () => Promise<Call>
  readonly openStream: OpenStream
  /** Deals with a response, at once or with rests. */
  readonly receive: (session: Session, bytes: Uint8Array) => Promise<Reaction>
  /** A response has been dealt with. */
  readonly taken: (reaction: Reaction) => void
  /** The peer answers again, or for the first time. */
  readonly answers: () => void
  /** There is no stream any more, for a reason; another is tried later. */
  readonly lost: (reason: string) => void
  readonly clock: Clock
  readonly log: Log
}

/** A conversation with a server of resources, over one stream after another. */
export interface Conversation {
  /** Says what is needed now, where that has changed. */
  ask(): void
  /** A response of which a part has been taken. */
  reading(): boolean
  /** Ends it; of a response, what has been begun is still taken. */
  close(): void
}

interface Line {
  readonly options: ConversationOptions
  closed: boolean
  stream: Stream | null
  session: Session | null
  /** Settles when the response of which a part has been taken is taken whole. */
  reading: Promise<void> | null
  answering: boolean
  failures: number
  retry: Timer | null
}

/** Begins at once, and comes back with an exponential, jittered pause whenever the stream is lost. */
export function converse(options: ConversationOptions): Conversation {
  const line: Line = {
    options,
    closed: false,
    stream: null,
    session: null,
    reading: null,
    answering: false,
    failures: 0,
    retry: null,
  }
  void connect(line)
  return {
    ask() {
      // The answer to a response says it, too.
      if (line.stream === null || line.session === null || line.reading !== null) return
      send(line.stream, line.session, line.session.ask())
    },
    reading: () => line.reading !== null,
    close() {
      line.closed = true
      line.retry?.cancel()
      line.stream?.close()
      line.stream = null
    },
  }
}

async function connect(line: Line): Promise<void> {
  const { options } = line
  let call: Call
  try {
    call = await options.dial()
  } catch (error) {
    lost(line, error instanceof Error ? error.message : String(error))
    return
  }
  // What the stream before has brought is taken first.
  await line.reading
  if (line.closed) return
  const { address, session } = call
  const stream = options.openStream(address, session.method, {
    message(bytes) {
      line.reading = received(line, session, bytes).finally(() => {
        line.reading = null
      })
      return line.reading
    },
    ended: (reason) => lost(line, reason),
  })
  line.stream = stream
  line.session = session
  const { target } = address
  options.log.info(`connecting to the ${options.peer}`, { target, method: session.method })
  send(stream, session, session.ask())
}

async function received(line: Line, session: Session, bytes: Uint8Array): Promise<void> {
  const { stream, options } = line
  if (stream === null) return
  const reaction = await options.receive(session, bytes)
  const { requests, refusals, fatal } = reaction
  options.taken(reaction)
  // Lost meanwhile.
  if (line.stream !== stream) return
  send(stream, session, requests)
  if (fatal !== null) {
    stream.close()
    lost(line, fatal)
    return
  }
  if (!line.answering) options.log.info(`${options.peer} answers`)
  line.answering = true
  line.failures = 0
  options.answers()
  for (const refusal of refusals) sayRefusal(options.log, refusal)
}

/** What has come stays. */
function lost(line: Line, reason: string): void {
  const { clock, log, peer, lost } = line.options
  line.stream = null
  line.session = null
  line.answering = false
  if (line.closed) return
  const ms = backOffMs(line.failures, clock)
  line.failures += 1
  log.warn(`${peer} lost`, { reason, againInMs: ms })
  lost(reason)
  line.retry = clock.after(ms, () => void connect(line))
}

function send(stream: Stream, { requestType }: Session, requests: readonly Raw[]): void {
  for (const request of requests) stream.send(encodeMessage(requestType, request))
}
