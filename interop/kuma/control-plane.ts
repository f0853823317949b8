import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../bench/processes.ts'

/** A resource as the API of the control plane takes it; where it lives there follows from its type. */
export interface Resource {
  readonly type: string
  readonly name: string
  readonly mesh?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: object
  readonly [field: string]: unknown
}

/** Acknowledged and refused responses of one kind of resource, as the control plane counts them. */
export interface Counts {
  readonly sent: number
  readonly acknowledged: number
  readonly rejected: number
}

/** What the control plane knows of a sidecar. */
export interface Insight {
  /** It has an open subscription. */
  readonly online: boolean
  /** Of all its subscriptions together. */
  readonly counts: Counts
  /** How often its certificate was made anew. */
  readonly renewals: number
  /** When the certificate ends, Unix ms; 0 without one. */
  readonly endsAt: number
}

/** A kuma-cp in universal mode with its store in memory: gone when stopped. */
export interface ControlPlane {
  /** What it says of itself, such as `2.14.3`. */
  readonly version: string
  /** Where sidecars connect, as `--cp-address` wants it. */
  readonly address: string
  /** PEM of the certificate it made for itself. */
  readonly caFile: string
  put(resource: Resource): Promise<void>
  remove(resource: Resource): Promise<void>
  /** A token for a Dataplane, good for an hour; bound to its label `kuma.io/workload` where it has one. */
  token(dataplane: Resource): Promise<string>
  /** Null while it has never seen the Dataplane. */
  insight(name: string): Promise<Insight | null>
  /** What the admin pages of a sidecar say to it, as `kumactl inspect` asks for them. Throws when it does not get them. */
  inspect(name: string, page: 'xds' | 'stats' | 'clusters'): Promise<string>
  /** What it thinks of the only inbound of a Dataplane, such as `Ready`. */
  inboundState(name: string): Promise<string>
  stop(): Promise<void>
}

/** Free ports for all it listens on: of sidecars, of the API, and others. */
export const takeControlPlanePorts = (): Promise<readonly number[]> =>
  Promise.all(Array.from({ length: 6 }, freePort))

/**
 * Starts the program; everything it writes, its log too, is below `dir`. Throws when it does not come up in 30 s. With the
 * directory and the ports of another it takes its place: it has the same certificate, and has forgotten everything else.
 */
export async function startControlPlane(
  program: string,
  dir: string,
  ports: readonly number[],
): Promise<ControlPlane> {
  mkdirSync(dir, { recursive: true })
  const [sidecars, api] = ports
  const logFile = join(dir, 'kuma-cp.log')
  const log = openSync(logFile, 'a')
  const child = spawn(program, ['run'], {
    stdio: ['ignore', log, log],
    env: { HOME: dir, ...environment(dir, ports) },
  })
  const exit = once(child, 'exit').catch(() => undefined) // not even started: the wait below says so
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.pid !== undefined) child.kill('SIGKILL')
    await exit
  }
  process.once('exit', () => child.kill('SIGKILL'))
  const ask = asking(`http://127.0.0.1:${api}`)
  const deadline = performance.now() + 30_000
  for (;;) {
    const index = await ask('GET', '/').catch(() => null)
    if (index !== null) {
      const { version }: { version: string } = JSON.parse(index)
      const address = `https://127.0.0.1:${sidecars}`
      return { version, address, caFile: join(dir, 'kuma-cp.crt'), ...calls(ask), stop }
    }
    if (child.exitCode !== null || child.pid === undefined || performance.now() > deadline) {
      await stop()
      throw new Error(`${program} does not come up: ${readFileSync(logFile, 'utf8').slice(-600)}`)
    }
    await delay(100)
  }
}

/** Its own ports, nothing made by itself, and short intervals where the defaults make a test wait. */
function environment(dir: string, ports: readonly number[]): Record<string, string> {
  const [sidecars, api, apiTls, mads, diagnostics, peers] = ports.map(String)
  return {
    KUMA_ENVIRONMENT: 'universal',
    KUMA_STORE_TYPE: 'memory',
    KUMA_GENERAL_WORK_DIR: dir,
    KUMA_DEFAULTS_SKIP_MESH_CREATION: 'true',
    KUMA_DP_SERVER_PORT: `${sidecars}`,
    KUMA_API_SERVER_HTTP_INTERFACE: '127.0.0.1',
    KUMA_API_SERVER_HTTP_PORT: `${api}`,
    KUMA_API_SERVER_HTTPS_INTERFACE: '127.0.0.1',
    KUMA_API_SERVER_HTTPS_PORT: `${apiTls}`,
    KUMA_MONITORING_ASSIGNMENT_SERVER_PORT: `${mads}`,
    KUMA_DIAGNOSTICS_SERVER_PORT: `${diagnostics}`,
    KUMA_INTER_CP_SERVER_PORT: `${peers}`,
    KUMA_INTER_CP_CATALOG_INSTANCE_ADDRESS: '127.0.0.1',
    KUMA_XDS_SERVER_DATAPLANE_STATUS_FLUSH_INTERVAL: '1s',
    KUMA_DP_SERVER_HDS_INTERVAL: '1s',
    KUMA_DP_SERVER_HDS_REFRESH_INTERVAL: '1s',
    KUMA_MESH_SERVICE_GENERATION_INTERVAL: '500ms',
    KUMA_CORE_RESOURCES_STATUS_MESH_IDENTITY_INTERVAL: '500ms',
  }
}

type Ask = (method: string, path: string, body?: object) => Promise<string>

/** Requests to the API, which takes whoever comes from loopback for an administrator. */
const asking =
  (origin: string): Ask =>
  async (method, path, body) => {
    const init = { method, headers: { 'content-type': 'application/json' } }
    const answer = await fetch(
      origin + path,
      body === undefined ? init : { ...init, body: JSON.stringify(body) },
    )
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text
  }

function calls(ask: Ask): Omit<ControlPlane, 'version' | 'address' | 'caFile' | 'stop'> {
  return {
    put: async (resource) => void (await ask('PUT', pathOf(resource), resource)),
    remove: async (resource) => void (await ask('DELETE', pathOf(resource))),
    token: ({ name, labels }) =>
      ask('POST', '/tokens/dataplane', {
        name,
        mesh: 'default',
        type: 'dataplane',
        validFor: '1h',
        workload: labels?.['kuma.io/workload'],
      }),
    insight: async (name) => {
      const text = await ask('GET', `/meshes/default/dataplanes/${name}/_overview`).catch(
        () => null,
      )
      return text === null ? null : insightOf(JSON.parse(text))
    },
    inspect: (name, page) => ask('GET', `/meshes/default/dataplanes/${name}/${page}`),
    inboundState: async (name) => {
      const text = await ask('GET', `/meshes/default/dataplanes/${name}`).catch(() => '{}')
      const { networking }: Partial<Registered> = JSON.parse(text)
      // The first value of an enum is not sent.
      return networking === undefined ? 'unknown' : (networking.inbound[0]?.state ?? 'Ready')
    },
  }
}

/** A resource lives under the plural of its type, in small letters. */
function pathOf({ type, name, mesh }: Resource): string {
  const word = type.toLowerCase()
  const plural = /(s|sh)$/.test(word) ? `${word}es` : word.replace(/y$/, 'ie').concat('s')
  return mesh === undefined ? `/${plural}/${name}` : `/meshes/${mesh}/${plural}/${name}`
}

interface Registered {
  readonly networking: { readonly inbound: readonly { readonly state?: string }[] }
}

interface Overview {
  readonly dataplaneInsight?: {
    readonly mTLS?: {
      readonly certificateRegenerations?: number
      readonly certificateExpirationTime?: string
    }
    readonly subscriptions?: readonly {
      readonly connectTime?: string
      readonly disconnectTime?: string
      readonly status?: { readonly total?: Readonly<Record<string, number | string>> }
    }[]
  }
}

function insightOf({ dataplaneInsight }: Overview): Insight {
  const subscriptions = dataplaneInsight?.subscriptions ?? []
  const sum = (field: string): number =>
    subscriptions.reduce((total, { status }) => total + Number(status?.total?.[field] ?? 0), 0)
  return {
    online: subscriptions.some(({ disconnectTime }) => disconnectTime === undefined),
    renewals: Number(dataplaneInsight?.mTLS?.certificateRegenerations ?? 0),
    endsAt: Date.parse(dataplaneInsight?.mTLS?.certificateExpirationTime ?? '') || 0,
    counts: {
      sent: sum('responsesSent'),
      acknowledged: sum('responsesAcknowledged'),
      rejected: sum('responsesRejected'),
    },
  }
}
