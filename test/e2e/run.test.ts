import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePorts } from '../support/free-ports.ts'
import { startOutrider } from '../support/outrider.ts'
import { testCa, testLeaf } from '../support/pki.ts'

const ca = testCa()

/** An identity directory for a service. */
function identityDir(dir: string, service: string): string {
  const { certificate, key } = testLeaf(ca, `spiffe://default/${service}`)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'tls.crt'), certificate)
  writeFileSync(join(dir, 'tls.key'), key)
  writeFileSync(join(dir, 'ca.crt'), ca.certificate)
  return dir
}

interface Ports {
  readonly app: number
  readonly backends: readonly number[]
  readonly web: number
}

const mesh = ({ app, backends, web }: Ports) => `
type: Mesh
name: default
mtls: { enabledBackend: ca, backends: [{ name: ca, type: builtin }] }
---
type: MeshTrafficPermission
mesh: default
name: all
spec: { from: [{ targetRef: { kind: Mesh }, default: { action: Allow } }] }
---
type: Dataplane
mesh: default
name: web
networking:
  address: 127.0.0.1
  gateway: { type: DELEGATED, tags: { kuma.io/service: web } }
  outbound: [{ port: ${web}, tags: { kuma.io/service: backend } }]
${backends
  .map(
    (port, index) => `---
type: Dataplane
mesh: default
name: backend-${index + 1}
networking:
  address: 127.0.0.1
  inbound:
    - { port: ${port}, servicePort: ${app}, tags: { kuma.io/service: backend, kuma.io/protocol: http } }
`,
  )
  .join('')}`

/** An application, its sidecars (one or two) and that of a caller, all up. */
async function startMesh(t: Test, flags: readonly string[] = [], backends = 1) {
  const app = createServer((_request, response) => response.end('hello'))
  await new Promise<void>((resolve) => void app.listen(0, '127.0.0.1', resolve))
  t.teardown(() => app.close())
  const address = app.address()
  const [web = 0, ...inbounds] = await freePorts(1 + backends)
  const ports = {
    app: typeof address === 'object' && address !== null ? address.port : 0,
    web,
    backends: inbounds,
  }
  const dir = t.testdir({ config: { 'mesh.yaml': mesh(ports) } })
  const config = join(dir, 'config')
  const start = async (name: string, service: string) => {
    const identity = identityDir(join(dir, service), service)
    const at = ['--config', config, '--name', name, '--identity-dir', identity, '--admin', '0']
    const sidecar = startOutrider(t, ['run', ...at, ...flags])
    await sidecar.logged('serving')
    const { port } = await sidecar.logged('admin server listens')
    return { ...sidecar, admin: `http://127.0.0.1:${port}` }
  }
  const sidecars = await Promise.all(
    inbounds.map((_, index) => start(`backend-${index + 1}`, 'backend')),
  )
  return {
    config,
    ports,
    sidecars,
    web: await start('web', 'web'),
    url: `http://127.0.0.1:${web}/`,
  }
}

t.test('run: two sidecars carry a request over mutual TLS, and stop cleanly', async (t) => {
  const { web, sidecars, url } = await startMesh(t, ['--drain-quiet', '0s'])
  t.equal(await (await fetch(url)).text(), 'hello')
  t.equal(await (await fetch(`${web.admin}/ready`)).text(), 'LIVE\n')
  const health = await (await fetch(`${web.admin}/ready?verbose`)).json()
  t.match(health, { state: 'LIVE', certificate: { spiffeId: 'spiffe://default/web' } })
  const metrics = await (await fetch(`${web.admin}/metrics`)).text()
  t.match(metrics, /^envoy_cluster_upstream_rq_total\{.*"backend.*\} 1$/m)
  t.notMatch(await (await fetch(`${web.admin}/config_dump`)).text(), /BEGIN|PRIVATE/)
  for (const sidecar of [web, ...sidecars]) sidecar.kill('SIGTERM')
  for (const sidecar of [web, ...sidecars]) t.equal(await sidecar.exit, 0)
})

t.test('run: a changed configuration is applied, a broken one leaves the last good', async (t) => {
  const { config, web, url, ports } = await startMesh(t)
  const file = join(config, 'mesh.yaml')
  writeFileSync(file, `${mesh(ports)}---\ntype: MeshRetry\n`)
  await web.logged('configuration refused; the last good one stays')
  t.match(await (await fetch(`${web.admin}/ready?verbose`)).json(), {
    state: 'LIVE',
    config: { stale: true },
  })
  t.equal((await fetch(url)).status, 200)
  writeFileSync(file, `${mesh(ports)}# better\n`)
  await web.logged('configuration applied')
  t.match(await (await fetch(`${web.admin}/ready?verbose`)).json(), { config: { stale: false } })
})

t.test('run: the wrong identity ends the start with both IDs', async (t) => {
  const { config, ports } = await startMesh(t)
  const [web = 0] = await freePorts(1)
  writeFileSync(join(config, 'mesh.yaml'), mesh({ ...ports, web }))
  const identity = identityDir(join(t.testdirName, 'wrong'), 'backend')
  const at = ['--config', config, '--name', 'web', '--identity-dir', identity, '--admin', '0']
  const wrong = startOutrider(t, ['run', ...at])
  t.equal(await wrong.exit, 1)
  t.match(wrong.err(), /spiffe:\/\/default\/backend.*spiffe:\/\/default\/web/)
})

t.test('run: several workers share the ports and are counted as one', async (t) => {
  const { web, url } = await startMesh(t, ['--workers', '2'])
  for (let request = 0; request < 20; request += 1) {
    t.equal((await fetch(url, { headers: { connection: 'close' } })).status, 200)
  }
  const metrics = await (await fetch(`${web.admin}/metrics`)).text()
  t.match(metrics, /^envoy_cluster_upstream_rq_total\{.*"backend.*\} 20$/m)
  t.match(metrics, /worker="1"/)
})

t.test('run: no request is lost while a backend leaves the mesh and stops', async (t) => {
  const { config, ports, sidecars, web, url } = await startMesh(t, ['--drain-quiet', '300ms'], 2)
  let over = false
  const statuses = new Map<number, number>()
  const caller = async () => {
    while (!over) {
      const response = await fetch(url)
      await response.text()
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    }
  }
  const callers = [caller(), caller(), caller(), caller()]
  const backends = ports.backends.slice(1)
  writeFileSync(join(config, 'mesh.yaml'), mesh({ ...ports, backends }))
  await web.logged('configuration applied')
  sidecars[0]!.kill('SIGTERM')
  t.equal(await sidecars[0]!.exit, 0)
  t.match(sidecars[0]!.err(), '"msg":"drained"')
  over = true
  await Promise.all(callers)
  t.same([...statuses.keys()], [200])
})

t.test('run: a second signal stops at once', async (t) => {
  const { web } = await startMesh(t, ['--drain-time', '1h', '--drain-quiet', '1h'])
  web.kill('SIGTERM')
  await web.logged('draining')
  t.equal((await fetch(`${web.admin}/ready`)).status, 503)
  web.kill('SIGINT')
  t.equal(await web.exit, 0)
})

t.test('run: SIGHUP and SIGUSR1 do not end it, quitquitquit does', async (t) => {
  const { web, url } = await startMesh(t)
  web.kill('SIGUSR1')
  web.kill('SIGHUP')
  await web.logged('configuration applied')
  t.equal((await fetch(url)).status, 200)
  t.notMatch(web.err(), /Debugger listening/)
  t.equal((await fetch(`${web.admin}/quitquitquit`, { method: 'POST' })).status, 200)
  t.equal(await web.exit, 0)
})
