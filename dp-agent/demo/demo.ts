import { readFileSync } from 'node:fs'
import { systemClock } from '../../proxy/clock.ts'
import { type DemoFolders, prepareFolders } from './mesh.ts'
import { type DemoPorts, shiftPorts } from './ports.ts'
import { demoScreen } from './screen.ts'
import { type Service, serve, startBackend, startFrontend, startGateway } from './services.ts'
import { type Sidecar, type SidecarPlan, startSidecar, untilReady } from './sidecars.ts'

export interface DemoSettings {
  /** Path of this program, to start sidecars with. */
  readonly program: string
  /** The resources. */
  readonly demoConfig: string
  /** Added to every port. */
  readonly portOffset: number
  readonly colour: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** A running demo. */
export interface Demo {
  /** Resolves when a sidecar has ended that nobody asked to. */
  readonly broken: Promise<string>
  /** Ends everything and removes what was written. */
  stop(): Promise<void>
}

interface Parts {
  readonly settings: DemoSettings
  readonly ports: DemoPorts
  readonly folders: DemoFolders
  readonly services: Map<string, Service>
  readonly sidecars: Map<string, Sidecar>
  readonly broke: (why: string) => void
  stopping: boolean
}

const readyMs = 20_000

/** Starts services and sidecars side by side and prints what to try. Null when something did not start; it was said. */
export async function startDemo(settings: DemoSettings): Promise<Demo | null> {
  const startedAt = systemClock.now()
  const ports = shiftPorts(settings.portOffset)
  const broken = Promise.withResolvers<string>()
  const parts: Parts = {
    settings,
    ports,
    folders: prepareFolders(settings.demoConfig, settings.portOffset, systemClock),
    services: new Map(),
    sidecars: new Map(),
    broke: broken.resolve,
    stopping: false,
  }
  try {
    await startServices(parts)
    for (const plan of plans(ports)) launch(parts, plan)
    await allReady(parts)
  } catch (error) {
    await stop(parts)
    settings.err(`outrider demo: ${explain(error)}\n`)
    return null
  }
  const took = systemClock.now() - startedAt
  settings.out(demoScreen(ports, parts.folders.config, took, settings.colour))
  return { broken: broken.promise, stop: () => stop(parts) }
}

const plans = (ports: DemoPorts): readonly SidecarPlan[] => [
  { name: 'gateway-1', service: 'gateway', admin: ports.adminGateway },
  { name: 'frontend-1', service: 'frontend', admin: ports.adminFrontend },
  { name: 'backend-v1-1', service: 'backend', admin: ports.adminV1a },
  { name: 'backend-v1-2', service: 'backend', admin: ports.adminV1b },
  { name: 'backend-v2-1', service: 'backend', admin: ports.adminV2 },
]

async function startServices({ ports, services, ...rest }: Parts): Promise<void> {
  const parts = { ports, services, ...rest }
  services.set('backend-v1-1', await startBackend(ports.backendV1a, 'v1'))
  services.set('backend-v1-2', await startBackend(ports.backendV1b, 'v1'))
  services.set('backend-v2-1', await startBackend(ports.backendV2, 'v2'))
  services.set('frontend', await startFrontend(ports.frontend, ports.toBackend))
  services.set('gateway', await startGateway(ports.gateway, ports.toFrontend))
  services.set('control', await startControl(parts))
}

/** `POST /kill/v1` ends an instance of v1, application and sidecar; `POST /revive/v1` starts it again. */
function startControl(parts: Parts): Promise<Service> {
  return serve(parts.ports.control, (request, response) => {
    response.setHeader('content-type', 'text/plain')
    const act = request.method === 'POST' ? actions[request.url ?? ''] : undefined
    if (act === undefined) {
      response.writeHead(404).end('POST /kill/v1 or POST /revive/v1\n')
      return
    }
    act(parts).then(
      (said) => response.end(`${said}\n`),
      (error) => response.writeHead(500).end(`${explain(error)}\n`),
    )
  })
}

const victim = 'backend-v1-1'

const actions: Readonly<Record<string, ((parts: Parts) => Promise<string>) | undefined>> = {
  '/kill/v1': async ({ services, sidecars }) => {
    const sidecar = sidecars.get(victim)
    if (sidecar === undefined) return `${victim} is dead already; POST /revive/v1 brings it back`
    sidecars.delete(victim)
    services.get(victim)?.stop()
    services.delete(victim)
    sidecar.process.kill('SIGKILL')
    return `killed ${victim}, application and sidecar`
  },
  '/revive/v1': async (parts) => {
    const plan = plans(parts.ports).find(({ name }) => name === victim)
    if (plan === undefined || parts.sidecars.has(victim)) return `${victim} is alive`
    parts.services.set(victim, await startBackend(parts.ports.backendV1a, 'v1'))
    const up = await untilReady(launch(parts, plan), systemClock, readyMs)
    return up ? `${victim} is back` : `${victim} does not come up`
  },
}

function launch(parts: Parts, plan: SidecarPlan): Sidecar {
  const sidecar = startSidecar(parts.settings.program, plan, parts.folders)
  parts.sidecars.set(plan.name, sidecar)
  sidecar.process.once('exit', () => {
    if (parts.sidecars.get(plan.name) !== sidecar || parts.stopping) return
    parts.broke(`the sidecar ${plan.name} has ended:\n${lastWords(sidecar)}`)
  })
  return sidecar
}

async function allReady({ sidecars }: Parts): Promise<void> {
  const waiting = [...sidecars.values()].map(async (sidecar) => {
    if (await untilReady(sidecar, systemClock, readyMs)) return
    throw new Error(`the sidecar ${sidecar.name} does not come up:\n${lastWords(sidecar)}`)
  })
  await Promise.all(waiting)
}

const lastWords = (sidecar: Sidecar): string =>
  readFileSync(sidecar.logFile, 'utf8').trimEnd().split('\n').slice(-5).join('\n')

async function stop(parts: Parts): Promise<void> {
  if (parts.stopping) return
  parts.stopping = true
  for (const service of parts.services.values()) service.stop()
  const ended = [...parts.sidecars.values()].map(
    ({ process: child }) =>
      new Promise<void>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
        systemClock.after(2_000, () => void child.kill('SIGKILL'))
        return undefined
      }),
  )
  await Promise.all(ended)
  parts.folders.remove()
}

function explain(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error) {
    return `port ${error.port} on 127.0.0.1 is in use; move all ports of the demo with --port-offset 1000`
  }
  return error instanceof Error ? error.message : String(error)
}
