import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCa, type Identity, issue } from '../../dp-agent/pki/ca.ts'
import { systemClock } from '../../proxy/clock.ts'
import { freePort } from '../processes.ts'

const main = join(import.meta.dirname, '../../dist/dp-agent/main.js')
const dayMs = 86_400_000

/** A mesh of real processes: `web` calls `shop`, which runs three times. */
export interface ChaosMesh {
  readonly dir: string
  /** Where `web`'s application enters the mesh. */
  readonly port: number
  readonly apps: App[]
  readonly sidecars: Sidecar[]
  /** How often each POST was acted on, by its id. */
  readonly executed: Map<string, number>
  /** Signs the identities in use. */
  ca: Authority
  stop(): Promise<void>
}

export interface App {
  readonly port: number
  server: Server
}

export interface Sidecar {
  readonly name: string
  readonly service: string
  readonly admin: number
  process: ChildProcess
}

export type Authority = Identity & { readonly notAfter: number }

export const newCa = (): Authority =>
  Object.assign(createCa({ trustDomain: 'default', expiryMs: dayMs }, systemClock), {
    notAfter: systemClock.wall() + dayMs,
  })

/** Writes an identity the way a careful tool does: beside, then renamed. */
export function writeIdentity(
  mesh: Pick<ChaosMesh, 'dir'>,
  name: string,
  service: string,
  ca: Authority,
  roots: readonly Authority[],
): void {
  const home = join(mesh.dir, 'id', name)
  mkdirSync(home, { recursive: true })
  const sans = [{ kind: 'uri', value: `spiffe://default/${service}` }] as const
  const leaf = issue(ca, { sans: [...sans], organization: 'default', expiryMs: dayMs }, systemClock)
  const files = {
    'ca.crt': roots.map(({ certificate }) => certificate).join(''),
    'tls.key': leaf.key,
    'tls.crt': leaf.certificate,
  }
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(home, `.${file}`), text, { mode: 0o600 })
    renameSync(join(home, `.${file}`), join(home, file))
  }
}

/** The resources; `version` only makes them differ, in what a user may change. */
export function writeConfig(mesh: ChaosMesh, version: number): void {
  const file = join(mesh.dir, 'mesh', 'mesh.yaml')
  writeFileSync(`${file}.tmp`, resources(mesh, version))
  renameSync(`${file}.tmp`, file)
}

/** What nobody should write; must change nothing. */
export function breakConfig(mesh: ChaosMesh): void {
  writeFileSync(
    join(mesh.dir, 'mesh', 'mesh.yaml'),
    'type: Mesh\nname: default\nmtls: {enabledBackend: [',
  )
}

const inboundPorts = new Map<string, number>()

function resources(mesh: ChaosMesh, version: number): string {
  const shops = mesh.apps.map(
    (app, i) => `
---
{type: Dataplane, mesh: default, name: shop-${i}, networking: {address: 127.0.0.1, inbound: [{port: ${inboundPorts.get(`shop-${i}`)}, servicePort: ${app.port}, tags: {kuma.io/service: shop, kuma.io/protocol: http}}]}}`,
  )
  return `type: Mesh
name: default
mtls: {enabledBackend: ca-1, backends: [{name: ca-1, type: builtin}]}
---
{type: Dataplane, mesh: default, name: web-0, networking: {address: 127.0.0.1, gateway: {type: DELEGATED, tags: {kuma.io/service: web}}, outbound: [{port: ${mesh.port}, tags: {kuma.io/service: shop}}]}}${shops.join('')}
---
{type: MeshTrafficPermission, mesh: default, name: all, spec: {from: [{targetRef: {kind: MeshService, name: web}, default: {action: Allow}}]}}
---
{type: MeshTimeout, mesh: default, name: t, spec: {to: [{targetRef: {kind: Mesh}, default: {connectionTimeout: 2s, http: {requestTimeout: ${10 + (version % 5)}s}}}]}}
---
{type: MeshRetry, mesh: default, name: r, spec: {to: [{targetRef: {kind: Mesh}, default: {http: {numRetries: 5, backOff: {baseInterval: 10ms, maxInterval: ${100 + (version % 7)}ms}, retryOn: [GatewayError, ConnectFailure, Reset]}}}]}}
---
{type: MeshCircuitBreaker, mesh: default, name: b, spec: {to: [{targetRef: {kind: Mesh}, default: {connectionLimits: {maxConnections: 200, maxPendingRequests: 200, maxRequests: 200, maxRetries: 50}}}]}}
---
{type: MeshHTTPRoute, mesh: default, name: h, spec: {targetRef: {kind: Mesh}, to: [{targetRef: {kind: MeshService, name: shop}, rules: [{matches: [{path: {type: PathPrefix, value: /}}], default: {filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-config, value: "${version}"}]}}], backendRefs: [{kind: MeshService, name: shop}]}}]}]}}
`
}

/** Acts on a request: counts its id if it is a POST, answers with it. */
export function startApp(executed: Map<string, number>, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const id = String(request.headers['x-id'])
    request.resume().on('end', () => {
      if (request.method === 'POST') executed.set(id, (executed.get(id) ?? 0) + 1)
      response.end(id)
    })
  })
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}

export function launch(mesh: Pick<ChaosMesh, 'dir'>, name: string, admin: number): ChildProcess {
  const args = [
    '--max-semi-space-size=4',
    '--optimize-for-size',
    main,
    'run',
    '--config',
    join(mesh.dir, 'mesh'),
  ]
  args.push(
    '--name',
    name,
    '--identity-dir',
    join(mesh.dir, 'id', name),
    '--admin',
    `127.0.0.1:${admin}`,
  )
  args.push('--drain-time', '10s', '--drain-quiet', '1s', '--log-level', 'off')
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

export async function untilReady({ admin }: { readonly admin: number }): Promise<void> {
  for (;;) {
    const up = await fetch(`http://127.0.0.1:${admin}/ready`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export async function startMesh(ca: Authority): Promise<ChaosMesh> {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-chaos-'))
  mkdirSync(join(dir, 'mesh'))
  const executed = new Map<string, number>()
  const apps: App[] = []
  for (let i = 0; i < 3; i += 1) {
    const port = await freePort()
    apps.push({ port, server: await startApp(executed, port) })
    inboundPorts.set(`shop-${i}`, await freePort())
  }
  const mesh: ChaosMesh = {
    dir,
    port: await freePort(),
    apps,
    sidecars: [],
    executed,
    ca,
    async stop() {
      for (const { process: child } of mesh.sidecars) child.kill('SIGKILL')
      for (const { server } of apps) server.close().closeAllConnections()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  writeConfig(mesh, 0)
  for (const name of ['web-0', 'shop-0', 'shop-1', 'shop-2']) {
    const service = name.slice(0, -2)
    const admin = await freePort()
    writeIdentity(mesh, name, service, ca, [ca])
    mesh.sidecars.push({ name, service, admin, process: launch(mesh, name, admin) })
  }
  await Promise.all(mesh.sidecars.map(untilReady))
  return mesh
}
