import { join } from 'node:path'
import {
  type Collector,
  type Started,
  startApp,
  startCollector,
  startTcpApp,
} from './applications.ts'
import {
  type ControlPlane,
  type Resource,
  startControlPlane,
  takeControlPlanePorts,
} from './control-plane.ts'
import { type Generation, protocolOf, type Service, services } from './generation.ts'
import { generationOf } from './generations.ts'
import { type Ports, takePorts } from './ports.ts'
import { type Launcher, type Sidecar, startSidecar } from './sidecars.ts'

/** A control plane and the services under it, each with a sidecar. */
export interface Mesh {
  readonly kuma: Generation
  readonly ports: Ports
  readonly dir: string
  readonly collector: Collector
  readonly apps: Map<Service, Started>
  readonly sidecars: ReadonlyMap<Service, Sidecar>
  readonly controlPlane: ControlPlane
  /** Another takes the place of the control plane, and knows nothing. */
  replaceControlPlane(): Promise<void>
  stop(): Promise<void>
}

export interface MeshOptions {
  /** The control plane's. */
  readonly program: string
  /** With 2.x: MeshServices and no services by tags. */
  readonly meshServices: boolean
  launcherOf(service: Service): Launcher
  readonly dir: string
}

/** Everything runs when it is back; whether it has found together is for others to see. */
export async function startMesh({
  program,
  meshServices,
  launcherOf,
  dir,
}: MeshOptions): Promise<Mesh> {
  const controlPlanePorts = await takeControlPlanePorts()
  const start = (): Promise<ControlPlane> =>
    startControlPlane(program, join(dir, 'kuma-cp'), controlPlanePorts)
  let controlPlane = await start()
  const kuma = generationOf(controlPlane.version, meshServices)
  const ports = await takePorts()
  const collector = await startCollector()
  await controlPlane.put(kuma.mesh)
  const apps = new Map<Service, Started>()
  const sidecars = new Map<Service, Sidecar>()
  for (const service of services) {
    const start = protocolOf(service) === 'http' ? startApp : startTcpApp
    apps.set(service, await start(service, ports.of[service].app))
    const dataplane = kuma.dataplane(service, ports)
    sidecars.set(service, await startSidecar(dataplane, launcherOf(service), controlPlane, dir))
  }
  return {
    ...{ kuma, ports, dir, collector, apps, sidecars },
    get controlPlane() {
      return controlPlane
    },
    async replaceControlPlane() {
      await controlPlane.stop()
      controlPlane = await start()
    },
    async stop() {
      for (const one of [...sidecars.values(), ...apps.values(), collector, controlPlane]) {
        await one.stop()
      }
    },
  }
}

/** What a mesh with mTLS begins with, in the order in which it is put; certificates are good for `life`. */
export const mtlsResources = ({ kuma }: Mesh, life: string): readonly Resource[] => [
  ...kuma.mtls(life),
  kuma.permission(['web']),
]
