import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../bench/processes.ts'
import type { ControlPlane, Resource } from './control-plane.ts'
import type { Service } from './generation.ts'

/** The ports of 127.0.0.1 that resources and checks speak of. */
export interface Ports {
  /** Where `web` enters the mesh towards `shop` and `shop-v2`. */
  readonly toShop: number
  readonly toShopV2: number
  /** Where the sidecars of the services listen. */
  readonly web: number
  readonly shop: number
  readonly shopV2: number
  /** Where their applications do. */
  readonly webApp: number
  readonly shopApp: number
  readonly shopV2App: number
  /** Where `web` shows its metrics. */
  readonly metrics: number
}

/** Free ones. */
export async function takePorts(): Promise<Ports> {
  return {
    toShop: await freePort(),
    toShopV2: await freePort(),
    web: await freePort(),
    shop: await freePort(),
    shopV2: await freePort(),
    webApp: await freePort(),
    shopApp: await freePort(),
    shopV2App: await freePort(),
    metrics: await freePort(),
  }
}

const inbounds = {
  web: ['web', 'webApp'],
  shop: ['shop', 'shopApp'],
  'shop-v2': ['shopV2', 'shopV2App'],
} as const satisfies Record<Service, readonly [keyof Ports, keyof Ports]>

/** The control plane has the sidecar look after the application (HDS). */
const local = { serviceAddress: '127.0.0.1', serviceProbe: { tcp: {} } }

/** The inbound of a service, as every generation writes it. */
export function inboundOf(service: Service, ports: Ports) {
  const [port, servicePort] = inbounds[service]
  return { port: ports[port], servicePort: ports[servicePort], ...local }
}

/** Something that runs until it is stopped. */
export interface Started {
  stop(): Promise<void>
}

/**
 * An application: says its name and whom its sidecar saw calling. `/slow` takes a second and a half; `/flaky` answers 503
 * to the first try of a request and 200 to the next, told apart by `x-request-id`; `/sick` always 503.
 */
export async function startApp(name: string, port: number): Promise<Started> {
  const tried = new Set<string>()
  const server = createServer((request, response) => {
    const id = String(request.headers['x-request-id'])
    const fails = request.url === '/sick' || (request.url === '/flaky' && !tried.has(id))
    tried.add(id)
    const caller = /URI=([^;,]+)/.exec(String(request.headers['x-forwarded-client-cert']))?.[1]
    const answer = (): void => {
      response.writeHead(fails ? 503 : 200, { 'content-type': 'text/plain' })
      response.end(`${name} called by ${caller ?? 'nobody known'}`)
    }
    if (request.url === '/slow') void delay(1500).then(answer)
    else answer()
  })
  return listen(server, port)
}

/** A collector of Zipkin: takes what it is sent and remembers the names of the services. */
export interface Collector extends Started {
  readonly url: string
  readonly heardOf: ReadonlySet<string>
}

export async function startCollector(): Promise<Collector> {
  const heardOf = new Set<string>()
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      for (const [, name] of text.matchAll(/"serviceName":"([^"]*)"/g)) heardOf.add(String(name))
      response.writeHead(202).end()
    })
  })
  const port = await freePort()
  const started = await listen(server, port)
  return { url: `http://127.0.0.1:${port}/api/v2/spans`, heardOf, ...started }
}

async function listen(server: Server, port: number): Promise<Started> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    stop: async () => {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}

const main = join(import.meta.dirname, '../dp-agent/main.ts')

/** A process of `outrider run`. */
export interface Sidecar extends Started {
  /** What its token file holds from now on. */
  writeToken(token: string): void
  /** Asks it to end (SIGTERM). */
  terminate(): void
}

/** Starts `outrider run` for a Dataplane by the command line its users have; its log is beside its files in `dir`. */
export async function startSidecar(
  dataplane: Resource,
  controlPlane: ControlPlane,
  dir: string,
): Promise<Sidecar> {
  const file = (suffix: string): string => join(dir, `${dataplane.name}.${suffix}`)
  writeFileSync(file('json'), JSON.stringify(dataplane))
  const writeToken = (token: string): void => writeFileSync(file('token'), token, { mode: 0o600 })
  writeToken(await controlPlane.token(dataplane))
  const log = openSync(file('log'), 'w')
  const child = spawn(
    process.execPath,
    [
      ...['--max-semi-space-size=4', '--optimize-for-size', main, 'run'],
      ...['--cp-address', controlPlane.address, '--ca-cert-file', controlPlane.caFile],
      ...['--dataplane-file', file('json'), '--dataplane-token-file', file('token')],
      ...['--admin', `127.0.0.1:${await freePort()}`, '--drain-time', '0s', '--log-format', 'text'],
    ],
    { stdio: ['ignore', log, log], env: { KUMA_READINESS_PORT: String(await freePort()) } },
  )
  process.once('exit', () => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  return {
    writeToken,
    terminate: () => void child.kill('SIGTERM'),
    stop: async () => {
      child.kill('SIGKILL')
      await exit
    },
  }
}
