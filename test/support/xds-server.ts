import { createHash } from 'node:crypto'
import * as grpc from '@grpc/grpc-js'
import {
  kindOf,
  type ResourceKind,
  resourceKinds,
  resourceTypes,
} from '../../config/xds/client/resource-type.ts'
import { aggregatedService, secretService } from '../../config/xds/client/service.ts'
import { decodeMessage } from '../../config/xds/proto/decode.ts'
import { encodeMessage } from '../../config/xds/proto/encode.ts'
import type { Raw } from '../../proxy/problems.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** Resources by kind and name, as the fields of their messages. */
export type XdsResources = { readonly [K in ResourceKind]?: Readonly<Record<string, Raw>> }

/** A control plane, or a server of secrets, for tests: ADS and SDS both ways, versions by content, as Kuma and go-control-plane do it. */
export interface XdsServer {
  readonly port: number
  /** What the peers are to have; sent to those connected. */
  set(resources: XdsResources): void
  /** Every request so far, decoded. */
  readonly requests: readonly Raw[]
  /** How many streams are open. */
  streams(): number
  /** Names of the resources sent, in order. */
  readonly sent: readonly string[]
  /** Resolves with the first request, past or coming, for which it holds. */
  request(holds: (request: Raw) => boolean): Promise<Raw>
  /** Ends every stream and takes no new ones until `restart`. */
  stop(): Promise<void>
  restart(): Promise<void>
}

type Duplex = grpc.ServerDuplexStream<Buffer, Buffer>

interface Peer {
  readonly delta: boolean
  readonly call: Duplex
  /** What it asked for, by kind: names, or `*`. */
  readonly asked: Map<ResourceKind, Set<string>>
  /** Versions it has, by kind and name. */
  readonly has: Map<string, string>
  nonce: number
}

const asIs = (bytes: Buffer): Buffer => bytes
const streams = (path: string): grpc.MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: true,
  responseStream: true,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
})
const service = {
  delta: streams(aggregatedService.delta),
  sotw: streams(aggregatedService.stateOfTheWorld),
  deltaSecrets: streams(secretService.delta),
  sotwSecrets: streams(secretService.stateOfTheWorld),
}

interface Life {
  resources: XdsResources
  readonly peers: Set<Peer>
  readonly requests: Raw[]
  readonly sent: string[]
  readonly watchers: Set<() => void>
}

/** `socket`: path of a Unix socket to listen on, in place of a port. */
export async function xdsServer(
  t: Test,
  resources: XdsResources = {},
  socket: string | null = null,
): Promise<XdsServer> {
  const life: Life = {
    resources,
    peers: new Set(),
    requests: [],
    sent: [],
    watchers: new Set(),
  }
  const at = (port: number): string => (socket === null ? `127.0.0.1:${port}` : `unix:${socket}`)
  let server = await listen(life, at(0))
  const { port } = server
  const stop = async (): Promise<void> => {
    life.peers.clear()
    server.grpc.forceShutdown()
  }
  t.teardown(stop)
  return {
    port,
    requests: life.requests,
    streams: () => life.peers.size,
    sent: life.sent,
    set(next) {
      life.resources = next
      for (const peer of life.peers) for (const kind of resourceKinds) push(life, peer, kind, false)
    },
    request: (holds) => firstRequest(life, holds),
    stop,
    async restart() {
      server = await listen(life, at(port))
    },
  }
}

function firstRequest(life: Life, holds: (request: Raw) => boolean): Promise<Raw> {
  return new Promise((resolve) => {
    const look = (): void => {
      const found = life.requests.find(holds)
      if (found === undefined) return
      life.watchers.delete(look)
      resolve(found)
    }
    life.watchers.add(look)
    look()
  })
}

async function listen(life: Life, address: string) {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 })
  server.addService(service, {
    delta: (call: Duplex) => accept(life, call, true),
    sotw: (call: Duplex) => accept(life, call, false),
    deltaSecrets: (call: Duplex) => accept(life, call, true),
    sotwSecrets: (call: Duplex) => accept(life, call, false),
  })
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure()
    server.bindAsync(address, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return { grpc: server, port }
}

function accept(life: Life, call: Duplex, delta: boolean): void {
  const peer: Peer = { delta, call, asked: new Map(), has: new Map(), nonce: 0 }
  life.peers.add(peer)
  const type = delta ? 'DeltaDiscoveryRequest' : 'DiscoveryRequest'
  call.on('data', (bytes: Buffer) => {
    const { value } = decodeMessage(`envoy.service.discovery.v3.${type}`, bytes)
    if (value === null) throw new Error('a request cannot be read')
    life.requests.push(value)
    for (const watcher of life.watchers) watcher()
    heard(life, peer, value)
  })
  const gone = () => void life.peers.delete(peer)
  call.on('end', () => {
    gone()
    call.end()
  })
  call.on('error', gone)
  call.on('cancelled', gone)
}

function heard(life: Life, peer: Peer, request: Raw): void {
  const kind = kindOf(String(request.type_url))
  if (kind === null) return
  const first = !peer.asked.has(kind)
  const names = peer.asked.get(kind) ?? new Set()
  peer.asked.set(kind, names)
  const listed = (key: string): readonly string[] => (request[key] ?? []) as readonly string[]
  if (peer.delta) {
    // Asking for nothing at first means everything, as Envoy does it.
    if (first && resourceTypes[kind].wildcard) names.add('*')
    for (const name of listed('resource_names_subscribe')) {
      names.add(name)
      if (!first) peer.has.delete(`${kind}/${name}`)
    }
    for (const name of listed('resource_names_unsubscribe')) {
      names.delete(name)
      peer.has.delete(`${kind}/${name}`)
    }
    const known = (request.initial_resource_versions ?? {}) as Readonly<Record<string, string>>
    for (const [name, version] of Object.entries(known)) peer.has.set(`${kind}/${name}`, version)
    if (request.response_nonce === undefined) push(life, peer, kind, first)
    return
  }
  const before = [...names].join()
  names.clear()
  for (const name of resourceTypes[kind].wildcard ? ['*'] : listed('resource_names'))
    names.add(name)
  if (first || before !== [...names].join()) push(life, peer, kind, true)
}

const versionOf = (raw: Raw): string =>
  createHash('sha1').update(JSON.stringify(raw)).digest('hex').slice(0, 8)

/** Sends what the peer does not have; `anyway` also when there is nothing. */
function push(life: Life, peer: Peer, kind: ResourceKind, anyway: boolean): void {
  const names = peer.asked.get(kind)
  if (names === undefined) return
  const all = Object.entries(life.resources[kind] ?? {})
  const meant = all.filter(([name]) => names.has('*') || names.has(name))
  const changed = meant.filter(([name, raw]) => peer.has.get(`${kind}/${name}`) !== versionOf(raw))
  const there = new Set(meant.map(([name]) => `${kind}/${name}`))
  const gone = [...peer.has.keys()].filter((key) => key.startsWith(`${kind}/`) && !there.has(key))
  if (changed.length === 0 && gone.length === 0 && !anyway) return
  for (const [name, raw] of meant) peer.has.set(`${kind}/${name}`, versionOf(raw))
  for (const key of gone) peer.has.delete(key)
  peer.nonce += 1
  const { url } = resourceTypes[kind]
  const sent = peer.delta ? changed : meant
  life.sent.push(...sent.map(([name]) => `${kind}/${name}`))
  const common = { type_url: url, nonce: String(peer.nonce) }
  peer.call.write(
    peer.delta
      ? message('DeltaDiscoveryResponse', {
          ...common,
          resources: sent.map(([name, raw]) => ({
            name,
            version: versionOf(raw),
            resource: { '@type': url, ...raw },
          })),
          removed_resources: gone.map((key) => key.slice(kind.length + 1)),
        })
      : message('DiscoveryResponse', {
          ...common,
          version_info: versionOf(Object.fromEntries(meant)),
          resources: sent.map(([, raw]) => ({ '@type': url, ...raw })),
        }),
  )
}

const message = (type: string, raw: Raw): Buffer =>
  Buffer.from(encodeMessage(`envoy.service.discovery.v3.${type}`, raw))
