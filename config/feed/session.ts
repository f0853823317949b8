import * as v from 'valibot'
import {
  type FeedFormat,
  type FeedItem,
  type FeedProblem,
  type FromSidecar,
  fromServer,
  keyOf,
  protocolVersion,
} from './messages.ts'

/** A whole configuration of a feed. */
export interface FeedState {
  readonly version: string
  readonly format: FeedFormat
  /** By `keyOf`. */
  readonly resources: ReadonlyMap<string, FeedItem>
}

/** What the session makes of a state: errors keep the last good one. */
export type Judge = (state: FeedState) => readonly FeedProblem[]

/** One side of a conversation, without a socket: texts in, messages out. */
export interface Session {
  /** The last state that was accepted; null before the first. */
  state(): FeedState | null
  hello(): FromSidecar
  /** What to answer. `fatal`: the server cannot be talked to, and the connection should end. */
  receive(text: string): {
    readonly replies: readonly FromSidecar[]
    readonly accepted: boolean
    readonly fatal: string | null
  }
}

export interface SessionOptions {
  readonly node: { readonly name: string; readonly mesh: string; readonly version: string }
  /** From before, or null. */
  readonly state: FeedState | null
  readonly judge: Judge
}

/**
 * States: nothing → have(version). A snapshot or a patch leads to a candidate; judged good it is what we have, else it is
 * forgotten and the server told why. A patch against anything but what we have asks for a snapshot.
 */
export function newSession({ node, state, judge }: SessionOptions): Session {
  let have = state
  const quiet = { accepted: false, fatal: null }
  const consider = (candidate: FeedState) => {
    const { version } = candidate
    const problems = judge(candidate)
    if (problems.some(({ severity }) => severity === 'error')) {
      const replies: FromSidecar[] = [{ type: 'nack', version, problems }]
      return { ...quiet, replies }
    }
    have = candidate
    return { replies: [{ type: 'ack', version } as const], accepted: true, fatal: null }
  }
  return {
    state: () => have,
    hello: () => ({
      type: 'hello',
      protocol: protocolVersion,
      node,
      have: have?.version ?? null,
    }),
    receive(text) {
      const message = parse(text)
      if (typeof message === 'string') return { ...quiet, replies: [], fatal: message }
      switch (message.type) {
        case 'snapshot': {
          const { version, format } = message
          const made = collect(format, new Map(), message.resources)
          if (made.problem !== null) return { ...quiet, replies: [nack(version, made.problem)] }
          return consider({ version, format, resources: made.resources })
        }
        case 'patch': {
          const { version, base, put, remove } = message
          if (have === null || have.version !== base) {
            const reason = `the patch is against ${base}`
            return { ...quiet, replies: [resync(have, reason)] }
          }
          const left = drop(have, remove)
          const made = left.problem === null ? collect(have.format, left.resources, put) : left
          if (made.problem !== null) return { ...quiet, replies: [nack(version, made.problem)] }
          return consider({ version, format: have.format, resources: made.resources })
        }
        case 'current':
          if (have?.version === message.version) return { ...quiet, replies: [] }
          return { ...quiet, replies: [resync(have, `version ${message.version} is not here`)] }
        case 'error':
          return { ...quiet, replies: [], fatal: `the server says: ${message.message}` }
        default:
          return message satisfies never
      }
    },
  }
}

/** The message, or what is wrong with it. */
function parse(text: string): v.InferOutput<typeof fromServer> | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'a message is not JSON'
  }
  const read = v.safeParse(fromServer, value)
  if (read.success) return read.output
  const [issue] = read.issues
  const path = v.getDotPath(issue) ?? ''
  return `a message cannot be understood${path === '' ? '' : ` at ${path}`}: ${issue.message}`
}

interface Collected {
  readonly resources: Map<string, FeedItem>
  readonly problem: FeedProblem | null
}

function collect(
  format: FeedFormat,
  from: ReadonlyMap<string, FeedItem>,
  items: readonly FeedItem[],
): Collected {
  const resources = new Map(from)
  const put = new Set<string>()
  for (const [index, one] of items.entries()) {
    const key = keyOf(format, one)
    if (typeof key !== 'string') return { resources, problem: wrong('', `[${index}]`, key.wrong) }
    if (put.has(key)) return { resources, problem: wrong(key, '', 'is there twice') }
    put.add(key)
    resources.set(key, one)
  }
  return { resources, problem: null }
}

function drop({ format, resources: from }: FeedState, items: readonly FeedItem[]): Collected {
  const resources = new Map(from)
  for (const [index, one] of items.entries()) {
    const key = keyOf(format, one)
    if (typeof key !== 'string') {
      return { resources, problem: wrong('', `remove[${index}]`, key.wrong) }
    }
    // One that is not there is what was wanted.
    resources.delete(key)
  }
  return { resources, problem: null }
}

const wrong = (resource: string, path: string, message: string): FeedProblem => ({
  resource,
  path,
  message,
  hint: null,
  severity: 'error',
})
const nack = (version: string, problem: FeedProblem): FromSidecar => ({
  type: 'nack',
  version,
  problems: [problem],
})
const resync = (have: FeedState | null, reason: string): FromSidecar => ({
  type: 'resync',
  have: have?.version ?? null,
  reason,
})
