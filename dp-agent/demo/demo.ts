import { join } from 'node:path'
import { systemClock } from '../../proxy/clock.ts'
import { startControl } from './control.ts'
import { demoResources, issueIdentities } from './mesh.ts'
import { type DemoPorts, shiftPorts, takenPorts } from './ports.ts'
import { demoScreen } from './screen.ts'
import { type Service, startBackend, startFrontend, startGateway } from './services.ts'
import {
  endSidecar,
  type Sidecar,
  type SidecarPlan,
  type SidecarSettings,
  startSidecar,
  untilReady,
} from './sidecars.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface DemoSettings {
  /** Path of this program, to start sidecars with. */
  readonly program: string
  /** Directory of the resources. */
  readonly resources: string
  /** Added to every port. */
  readonly portOffset: number
  /** Shows what the sidecars log. */
  readonly verbose: boolean
  readonly colour: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** The demo from its start to its end. */
export interface Demo {
  /** Resolves with the reason when something did not start, or a sidecar ended that nobody asked to. */
  readonly broken: Promise<string>
  /** Ends everything and removes what was written; also in the middle of the start. */
  stop(): Promise<void>
}

interface Parts {
  readonly ports: DemoPorts
  readonly sidecarSettings: SidecarSettings
  readonly services: Map<string, Service>
  readonly sidecars: Map<string, Sidecar>
  readonly broke: (why: string) => void
  stopping: boolean
}

const readyMs = 20_000

/** Starts services and sidecars side by side and, when all serve, prints what to try. */
export function startDemo(settings: DemoSettings): Demo {
  const startedAt = systemClock.now()
  const { program, portOffset, verbose, colour, out, err } = settings
  const { path: work, remove } = temporaryDirectory('outrider-demo-')
  const config = demoResources(settings.resources, work, portOffset)
  const broken = Promise.withResolvers<string>()
  const parts: Parts = {
    ports: shiftPorts(portOffset),
    sidecarSettings: { program, config, work, onLine: verbose ? tellAll(err) : tellErrors(err) },
    services: new Map(),
    sidecars: new Map(),
    broke: broken.resolve,
    stopping: false,
  }
  const endRenewals = issueIdentities(work, systemClock)
  const started = start(parts).then(
    () => {
      if (parts.stopping) return
      const tookMs = systemClock.now() - startedAt
      const logs = verbose ? null : join(work, '*.log')
      out(demoScreen({ ports: parts.ports, config, logs, tookMs, colour }))
    },
    (error) => broken.resolve(error instanceof Error ? error.message : String(error)),
  )
  return {
    broken: broken.promise,
    async stop() {
      parts.stopping = true
      endRenewals()
      await endSidecars(parts)
      await started
      for (const service of parts.services.values()) service.stop()
      await remove()
    },
  }
}

type OnLine = SidecarSettings['onLine']

const tellAll =
  (err: DemoSettings['err']): OnLine =>
  (name, line) =>
    err(`${name.padEnd(12)}  ${line}\n`)

/** Several sidecars read the same files: what they find wrong is told once, and again when it comes again. */
const onceMs = 2_000

function tellErrors(err: DemoSettings['err']): OnLine {
  const told = new Map<string, number>()
  const tell = tellAll(err)
  return (name, line) => {
    const [, what] = /^\S+ error (.*)$/.exec(line) ?? []
    if (what === undefined) return
    const now = systemClock.now()
    const before = told.get(what) ?? Number.NEGATIVE_INFINITY
    if (told.size > 100) told.clear()
    told.set(what, now)
    if (now - before > onceMs) tell(name, line)
  }
}

const plansOf = (ports: DemoPorts): readonly SidecarPlan[] => [
  { name: 'gateway-1', service: 'gateway', admin: ports.adminGateway },
  { name: 'frontend-1', service: 'frontend', admin: ports.adminFrontend },
  { name: 'backend-v1-1', service: 'backend', admin: ports.adminV1a },
  { name: 'backend-v1-2', service: 'backend', admin: ports.adminV1b },
  { name: 'backend-v2-1', service: 'backend', admin: ports.adminV2 },
]

async function start(parts: Parts): Promise<void> {
  const { ports } = parts
  const taken = await takenPorts(ports)
  if (taken.length > 0) {
    const are = taken.length === 1 ? 'port is' : 'ports are'
    throw new Error(
      `${are} in use on 127.0.0.1: ${taken.join(', ')}; move all of the demo with another --port-offset, as in npm start -- --port-offset 2000`,
    )
  }
  if (parts.stopping) return
  await Promise.all([
    startServices(parts),
    ...plansOf(ports).map((plan) => comesUp(launch(parts, plan), parts)),
  ])
}

async function startServices(parts: Parts): Promise<void> {
  const { ports, services } = parts
  services.set('backend-v1-1', await startBackend(ports.backendV1a, 'v1'))
  services.set('backend-v1-2', await startBackend(ports.backendV1b, 'v1'))
  services.set('backend-v2-1', await startBackend(ports.backendV2, 'v2'))
  services.set('frontend', await startFrontend(ports.frontend, ports.frontendToBackend))
  services.set('gateway', await startGateway(ports.gateway, ports.gatewayToFrontend))
  const control = { kill: () => kill(parts), revive: () => revive(parts) }
  services.set('control', await startControl(ports.control, control))
}

function launch(parts: Parts, plan: SidecarPlan): Sidecar {
  const sidecar = startSidecar(plan, parts.sidecarSettings)
  parts.sidecars.set(plan.name, sidecar)
  return sidecar
}

/** Resolves when it serves; from then on its end breaks the demo, unless it was asked for. */
async function comesUp(sidecar: Sidecar, parts: Parts): Promise<void> {
  const up = await untilReady(sidecar, systemClock, readyMs)
  const says = (what: string): string => `sidecar ${sidecar.name} ${what}\n${sidecar.lastWords()}`
  if (parts.stopping) return
  if (!up) throw new Error(says('does not come up:'))
  void sidecar.ended.then(() => {
    const wanted = parts.stopping || parts.sidecars.get(sidecar.name) !== sidecar
    if (!wanted) parts.broke(says('has ended:'))
  })
}

async function endSidecars({ sidecars }: Parts): Promise<void> {
  await Promise.all([...sidecars.values()].map((sidecar) => endSidecar(sidecar, systemClock)))
}

const victim = 'backend-v1-1'

async function kill({ services, sidecars }: Parts): Promise<string> {
  const sidecar = sidecars.get(victim)
  if (sidecar === undefined) return `${victim} is dead already; POST /revive/v1 brings it back`
  sidecars.delete(victim)
  services.get(victim)?.stop()
  services.delete(victim)
  sidecar.process.kill('SIGKILL')
  await sidecar.ended
  return `killed ${victim}, application and sidecar`
}

async function revive(parts: Parts): Promise<string> {
  const plan = plansOf(parts.ports).find(({ name }) => name === victim)
  if (plan === undefined || parts.sidecars.has(victim) || parts.stopping)
    return `${victim} is alive`
  const sidecarUp = comesUp(launch(parts, plan), parts)
  parts.services.set(victim, await startBackend(parts.ports.backendV1a, 'v1'))
  await sidecarUp
  return `${victim} is back`
}
