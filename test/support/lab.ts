import { existsSync, readFileSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type { Identity } from '../../dp-agent/pki/ca.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { freePorts } from './free-ports.ts'
import {
  type LabConfiguration,
  type LabMesh,
  type LabPlace,
  type LabProtocol,
  labCa,
  labConfiguration,
  labIdentity,
  labPlaces,
} from './lab-mesh.ts'
import { type RunningProxy, runProxy } from './proxy.ts'
import { type ScriptedService, scriptedService } from './scripted-service.ts'

interface Test {
  teardown(run: () => unknown): void
  testdir(files: Readonly<Record<string, string>>): string
}

/** Listeners of the sidecar under test. */
export const labListeners = {
  inbound: 'inbound:10.0.0.1:8080',
  backend: 'outbound:127.0.0.1:10001',
  other: 'outbound:127.0.0.1:10002',
  outside: 'outbound:127.0.0.1:10003',
  pool: 'outbound:127.0.0.1:10004',
  shop: 'outbound:127.0.0.1:10005',
  shops: 'outbound:127.0.0.1:10006',
  passing: 'outbound:passthrough:ipv4',
} as const
export type LabListener = keyof typeof labListeners

/** An answer, or status 0 when the connection ended without one. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly to?: LabListener
  /** Over mutual TLS, as this service of the mesh. */
  readonly as?: string
  /** … or with this certificate. */
  readonly show?: Identity
  /** Local address of the connection. */
  readonly from?: string
  /** Address it is made to. Default 127.0.0.1. */
  readonly at?: string
}

/** A sidecar among services that do as they are told, in a time that stands still. */
export interface Lab {
  readonly clock: FakeClock
  readonly sidecar: RunningProxy
  readonly services: Readonly<Record<LabPlace, ScriptedService>>
  /** Asks the listener that the policy concerns, unless told another. Connections are kept, each caller its own. */
  ask(path?: string, ask?: Ask): Promise<Answer>
  /** A connection of bytes. */
  dial(to?: LabListener, as?: string, at?: string): Promise<Socket>
  /** Lets things happen, timers that are due included, until `found`. Time stands still meanwhile. */
  until(found: () => boolean): Promise<void>
  /** The same for a result. */
  settled<T>(result: Promise<T>): Promise<T>
  /** Moves time on, 50 ms a step, until `found`; how many ms it took, or null when that was not within `maxMs`. */
  passed(found: () => boolean, maxMs?: number): number | null
  readonly configuration: LabConfiguration
  /** Runs at the end of the test, before the sidecar is closed. */
  atEnd(run: () => unknown): void
  /** Whether no request is under way in the sidecar. */
  idle(): boolean
  /** What `{{dir}}` in the resources stands for. */
  readonly directory: string
  /** The whole lines of a file in it, once they are as wanted. */
  lines(name: string, wanted: (lines: readonly string[]) => boolean): Promise<readonly string[]>
}

/**
 * In resources and environment `{{dir}}` stands for a directory with `files`, `{{outside}}` for the address of a service,
 * `{{outside.port}}` for its port, `{{free}}` for a port that is not in use.
 */
export interface LabOptions extends Omit<LabMesh, 'passing'> {
  /** Where `ask` and `dial` go when not told. With `passing` calls are intercepted: they may go to any address, at the port `{{free}}`. */
  readonly listener: LabListener
  /** By name. Default none. */
  readonly files?: Readonly<Record<string, string>>
}

/** Brings a lab to life; everything is closed at the end of the test. */
export async function startLab(t: Test, options: LabOptions): Promise<Lab> {
  const clock = fakeClock()
  clock.setWall(Date.now())
  const services = await startServices(t, clock, options.protocol)
  const ports = Object.fromEntries(
    Object.entries(services).map(([place, { port }]) => [place, port]),
  ) as Record<LabPlace, number>
  const [free] = await freePorts(1)
  const directory = t.testdir({ ...options.files })
  const filled = (text: string): string =>
    text.replace(/\{\{(\w+)(\.port)?\}\}/g, (whole, name: string, port?: string) => {
      if (name === 'dir') return directory
      if (name === 'free') return String(free)
      const own = ports[name as LabPlace]
      return own === undefined ? whole : port === undefined ? `127.0.0.1:${own}` : String(own)
    })
  const variables = Object.entries(options.environment ?? {}).map(
    ([name, text = '']) => [name, filled(text)] as const,
  )
  const configuration = labConfiguration(
    {
      ...options,
      resources: filled(options.resources),
      environment: Object.fromEntries(variables),
      passing: options.listener === 'passing' ? (free ?? null) : null,
    },
    ports,
  )
  const sidecar = await runProxy(t, configuration.snapshot, clock)
  const agents = new Map<string, Agent>()
  t.teardown(async () => {
    for (const agent of agents.values()) agent.destroy()
    let closed = false
    void sidecar.proxy.close().then(() => {
      closed = true
    })
    // The proxy waits for its last exchanges by the clock.
    while (!closed) {
      await new Promise(setImmediate)
      clock.tick(1_000)
    }
  })
  const open = (
    to: LabListener,
    shown: Identity | null,
    { from, at: host = '127.0.0.1' }: Ask,
  ): Socket => {
    const port = sidecar.port(labListeners[to])
    const where = { port, host, ...(from === undefined ? {} : { localAddress: from }) }
    if (shown === null) return connect({ ...where, noDelay: true, allowHalfOpen: true })
    const { certificate, key } = shown
    return connectTls({
      ...where,
      cert: certificate,
      key,
      ca: labCa.certificate,
      checkServerIdentity: () => undefined,
      ALPNProtocols: ['kuma'],
      servername: 'web',
    })
  }
  const lab: Lab = {
    clock,
    sidecar,
    services,
    ask(
      path = '/',
      { method = 'GET', headers = {}, body, to = options.listener, as, show, from, at } = {},
    ) {
      const caller = `${to} ${as} ${from} ${at} ${show?.certificate}`
      const shown = show ?? (as === undefined ? null : labIdentity(as))
      const agent = agents.get(caller) ?? new Agent({ keepAlive: true })
      agents.set(caller, agent)
      const where = { ...(from && { from }), ...(at && { at }) }
      agent.createConnection = () => open(to, shown, where)
      return exchange(agent, path, method, headers, body)
    },
    async dial(to = options.listener, as, at = '127.0.0.1') {
      const socket = open(to, as === undefined ? null : labIdentity(as), { at })
      t.teardown(() => socket.destroy())
      socket.on('error', () => {})
      await lab.settled(new Promise<void>((resolve) => socket.once('connect', resolve)))
      return socket
    },
    async until(found) {
      while (!found()) await turn(clock)
    },
    async settled(result) {
      let over = false
      const done = (): void => {
        over = true
      }
      result.then(done, done)
      while (!over) await turn(clock)
      return result
    },
    passed(found, maxMs = 86_400_000) {
      const start = clock.now()
      while (!found()) {
        if (clock.now() - start >= maxMs) return null
        clock.tick(50)
      }
      return clock.now() - start
    },
    configuration,
    atEnd: (run) => t.teardown(run),
    idle: () => sidecar.proxy.active().exchanges === 0,
    directory,
    async lines(name, wanted) {
      const file = join(directory, name)
      for (;;) {
        const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
        const lines = text.split('\n').slice(0, -1)
        if (wanted(lines)) return lines
        await turn(clock)
        // Logs are written in batches, once a second.
        clock.tick(50)
      }
    },
  }
  return lab
}

async function startServices(
  t: Test,
  clock: FakeClock,
  protocol: LabProtocol,
): Promise<Readonly<Record<LabPlace, ScriptedService>>> {
  const started = Object.keys(labPlaces).map(async (place) => {
    const http2 = protocol === 'http2' || protocol === 'grpc'
    const service = await scriptedService(t, clock.now, http2)
    return [place, service] as const
  })
  return Object.fromEntries(await Promise.all(started)) as Record<LabPlace, ScriptedService>
}

/** What the system has to say, then what is due now. */
async function turn(clock: FakeClock): Promise<void> {
  await new Promise(setImmediate)
  clock.tick(0)
}

function exchange(
  agent: Agent,
  path: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = (): void => resolve({ status: 0, headers: {}, body: '' })
    const sent = request({ agent, path, method, headers, setDefaultHeaders: true })
    sent.on('error', failed)
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('error', failed)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      )
    })
    sent.end(body)
  })
}
