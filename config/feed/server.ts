import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import { parseFile } from '../files.ts'
import { newLoader } from '../kuma/load.ts'
import { hasErrors, logProblem } from '../source.ts'
import { type FeedItem, type FromServer, keyOf } from './messages.ts'

/** How often the directory is looked at. */
const pollMs = 500
/** Versions whose difference to the newest can still be told. */
const remembered = 16
const maxMessageBytes = 1_048_576

/** A server for labs: everybody gets all resources of a directory, and what changes in it. */
export interface FeedServer {
  readonly port: number
  close(): Promise<void>
}

export interface FeedServerOptions {
  readonly paths: readonly string[]
  /** Already listening or about to; with TLS or without. */
  readonly server: Server
  readonly address: { readonly host: string; readonly port: number }
  /** Who does not show it is refused with 401; null asks for none. */
  readonly token: string | null
  readonly clock: Clock
  readonly log: Log
}

interface State {
  readonly version: string
  /** By `keyOf`, with its text to compare. */
  readonly items: ReadonlyMap<string, { readonly item: FeedItem; readonly text: string }>
}

/** Serves what the paths hold. Files with errors are told in the log, and the last good set goes on being served. */
export async function serveFeed(options: FeedServerOptions): Promise<FeedServer> {
  const { server, address, clock, log, token } = options
  const read = newReader(options)
  const states: State[] = []
  const clients = new Map<WebSocket, { name: string; version: string | null }>()
  const first = read()
  if (first !== null) states.push(first)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes })
  server.on('upgrade', (request, socket, head) => {
    if (token !== null && !isBearer(request, token)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => welcome(client))
  })
  const welcome = (client: WebSocket): void => {
    const about = { name: '?', version: null as string | null }
    clients.set(client, about)
    client.on('close', () => clients.delete(client))
    client.on('error', () => client.terminate())
    client.on('message', (data) => {
      const message = parse(String(data))
      const newest = states.at(-1)
      if (message === null) client.close(1002)
      else if (message.type === 'hello' || message.type === 'resync') {
        if (message.node?.name !== undefined) about.name = message.node.name
        about.version = message.type === 'hello' ? (message.have ?? null) : null
        if (newest !== undefined) tell(client, about, states)
      } else if (message.type === 'nack') {
        // It stays at what it had: the next change goes to it as a whole.
        about.version = null
        log.warn('a sidecar refuses this version', {
          sidecar: about.name,
          version: message.version ?? '',
          problems: JSON.stringify(message.problems ?? []).slice(0, 1_000),
        })
      } else if (message.type === 'ack') {
        about.version = message.version ?? null
        log.info('a sidecar is up to date', { sidecar: about.name, version: message.version ?? '' })
      }
    })
  }
  const poll: Timer = clock.every(pollMs, () => {
    const state = read()
    if (state === null || state.version === states.at(-1)?.version) return
    states.push(state)
    if (states.length > remembered) states.shift()
    log.info('resources changed', { version: state.version, sidecars: clients.size })
    for (const [client, about] of clients) tell(client, about, states)
  })
  server.listen(address.port, address.host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      poll.cancel()
      for (const client of clients.keys()) client.terminate()
      sockets.close()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Brings a client to the newest state: nothing, a patch, or all of it. */
function tell(
  client: WebSocket,
  about: { readonly version: string | null },
  states: readonly State[],
): void {
  const newest = states.at(-1)
  if (newest === undefined) return
  const base = states.find(({ version }) => version === about.version)
  const message: FromServer =
    about.version === newest.version
      ? { type: 'current', version: newest.version }
      : base === undefined
        ? {
            type: 'snapshot',
            version: newest.version,
            format: 'kuma',
            resources: [...newest.items.values()].map(({ item }) => item),
          }
        : patch(base, newest)
  client.send(JSON.stringify(message))
}

function patch(base: State, newest: State): FromServer {
  const put = [...newest.items]
    .filter(([key, { text }]) => base.items.get(key)?.text !== text)
    .map(([, { item }]) => item)
  const remove = [...base.items]
    .filter(([key]) => !newest.items.has(key))
    .map(([, { item }]) => ({ type: item.type, mesh: item.mesh, name: item.name }))
  return { type: 'patch', base: base.version, version: newest.version, put, remove }
}

/** Reads the paths; null when they have errors or say what they said before. */
function newReader({ paths, log }: FeedServerOptions): () => State | null {
  const loader = newLoader()
  let texts = ''
  let served = false
  return () => {
    const { files, problems } = loader.load(paths)
    const now = JSON.stringify(files)
    if (now === texts) return null
    texts = now
    for (const problem of problems) logProblem(log, problem)
    if (hasErrors(problems)) {
      const instead = served ? 'the last good ones go on being served' : 'nothing is served yet'
      log.error(`the resources have errors; ${instead}`)
      return null
    }
    const items = new Map<string, { item: FeedItem; text: string }>()
    for (const { value } of files.flatMap((file) => parseFile(file).documents)) {
      const item = value as FeedItem
      const key = keyOf('kuma', item)
      if (typeof key === 'string') items.set(key, { item, text: JSON.stringify(item) })
    }
    const version = createHash('sha256')
      .update(JSON.stringify([...items]))
      .digest('hex')
      .slice(0, 16)
    served = true
    return { version, items }
  }
}

interface Said {
  readonly type: string
  readonly node?: { readonly name?: string }
  readonly have?: string | null
  readonly version?: string
  readonly problems?: unknown
}

function parse(text: string): Said | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'type' in value ? (value as Said) : null
  } catch {
    return null
  }
}

function isBearer(request: IncomingMessage, token: string): boolean {
  const given = createHash('sha256')
    .update(request.headers.authorization ?? '')
    .digest()
  return timingSafeEqual(given, createHash('sha256').update(`Bearer ${token}`).digest())
}
