import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Emission } from '../../../../config/source.ts'
import type { KeepingOptions } from '../../../../config/xds/client/keeping.ts'
import { xdsSource } from '../../../../config/xds/client/source.ts'
import { openStream } from '../../../../config/xds/client/stream.ts'
import { translateCluster } from '../../../../config/xds/cluster/cluster.ts'
import { translateEndpoints } from '../../../../config/xds/cluster/endpoint-group.ts'
import { translateSecret } from '../../../../config/xds/tls/secret.ts'
import { systemClock } from '../../../../proxy/clock.ts'
import type { Snapshot } from '../../../../proxy/model/snapshot.ts'
import type { Raw } from '../../../../proxy/problems.ts'
import { memoryLog } from '../../../support/memory-log.ts'
import { type TestCa, testCa, testLeaf, trustSecret } from '../../../support/pki.ts'
import { runProxy } from '../../../support/proxy.ts'
import { rawClient } from '../../../support/sockets.ts'
import { serverTls, type TlsListener, tlsListener, verdictOf } from '../../../support/tls.ts'
import { type XdsResources, type XdsServer, xdsServer } from '../../../support/xds-server.ts'
import { noOutside, simple } from '../../../support/xds-translators.ts'

const ca = testCa()
const leaf = (name: string) => testLeaf(ca, `spiffe://mesh/${name}`)
const inline = (text: string) => ({ inline_bytes: Buffer.from(text).toString('base64') })

const certificate = (name: string, of = leaf('web')) => ({
  [name]: {
    name,
    tls_certificate: {
      certificate_chain: inline(of.certificate),
      private_key: inline(of.key),
    },
  },
})

const validator = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig'

/** As SPIRE gives the roots of all trust domains. */
const roots = (name: string, root: TestCa = ca) => ({
  [name]: {
    name,
    validation_context: {
      custom_validator_config: {
        name: 'envoy.tls.cert_validator.spiffe',
        typed_config: {
          '@type': `type.googleapis.com/${validator}`,
          trust_domains: [{ name: 'mesh', trust_bundle: inline(root.certificate) }],
        },
      },
    },
  },
})

/** As Kuma, SPIRE's examples and Istio write it. */
const from = (cluster_name: string, api_type = 'GRPC') => ({
  api_config_source: {
    api_type,
    grpc_services: [{ envoy_grpc: { cluster_name } }],
    set_node_on_first_message_only: true,
    transport_api_version: 'V3',
  },
  initial_fetch_timeout: '0s',
  resource_api_version: 'V3',
})

const place = (address: Raw) => ({
  endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
})
const port = (port_value: number, address = '127.0.0.1') => ({
  socket_address: { address, port_value },
})

const serverAt = (name: string, address: Raw) => ({
  [name]: {
    name,
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, ...place(address) },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  },
})

interface Asked {
  readonly own: readonly [string, object]
  readonly trust: readonly [string, object]
}

/** A cluster with mutual TLS, and what it and its roots are called by whom. */
const meshed = (name: string, to: number, { own, trust }: Asked) => ({
  [name]: {
    name,
    load_assignment: { cluster_name: name, ...place(port(to)) },
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
        common_tls_context: {
          tls_certificate_sds_secret_configs: [{ name: own[0], sds_config: own[1] }],
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [
                { san_type: 'URI', matcher: { exact: 'spiffe://mesh/backend' } },
              ],
            },
            validation_context_sds_secret_config: { name: trust[0], sds_config: trust[1] },
          },
        },
      },
    },
  },
})

const web = 'spiffe://mesh/web'
const ofSpire = (api = 'GRPC'): Asked => ({
  own: [web, from('spire', api)],
  trust: ['ALL', from('spire', api)],
})

const out = (...clusters: string[]) =>
  Object.fromEntries(clusters.map((to) => [`to-${to}`, { name: `to-${to}`, stat_prefix: to }]))

function run(t: Test, plane: XdsServer, keep: KeepingOptions | null = null) {
  const { log, lines } = memoryLog()
  const node = { id: 'mesh.web', user_agent_name: 'outrider', user_agent_version: '1' }
  const address = { target: `127.0.0.1:${plane.port}`, tls: null, pings: true, metadata: [] }
  const source = xdsSource({
    dial: async () => ({ address, node, delta: true }),
    node: () => node,
    openStream,
    translators: {
      ...simple,
      clusters: translateCluster,
      endpoints: translateEndpoints,
      secrets: translateSecret,
      listeners: (place, context) =>
        simple.listeners(place, { ...context, clusterAddress: () => null }),
    },
    outside: noOutside,
    fixed: [],
    problems: [],
    keep,
    clock: { ...systemClock, random: () => 0 },
    log,
  })
  t.teardown(() => source.stop())
  const emissions: Emission[] = []
  const watchers = new Set<() => void>()
  source.start((emission) => {
    emissions.push(emission)
    for (const watcher of watchers) watcher()
  })
  /** The first emission that is not older than the last one given back, and for which it holds. */
  let seen = 0
  const until = (holds: (snapshot: Snapshot, emission: Emission) => boolean): Promise<Snapshot> =>
    new Promise((resolve) => {
      const look = (): void => {
        for (; seen < emissions.length; seen += 1) {
          const emission = emissions[seen]
          if (emission?.snapshot == null || !holds(emission.snapshot, emission)) continue
          watchers.delete(look)
          resolve(emission.snapshot)
          return
        }
      }
      watchers.add(look)
      look()
    })
  return { until, emissions, lines, stop: () => source.stop() }
}

/** The path of a Unix socket has to fit in some 100 bytes. */
function socketDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-sds-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return dir
}

const complete = ({ clusters }: Snapshot): boolean => clusters.some(({ tls }) => tls !== null)
const chains = ({ secrets }: Snapshot): readonly string[] =>
  secrets.flatMap((one) => (one.kind === 'certificate' ? [one.chain] : []))
const isNack = ({ error_detail }: Raw): boolean => error_detail !== undefined

const backend = (t: Test): Promise<TlsListener> =>
  tlsListener(t, serverTls(leaf('backend'), trustSecret({ '': [ca] })))

/** What a server sees of the next connection through the proxy: who called, or why not. */
async function callerSeen(t: Test, port: number, server: TlsListener): Promise<string> {
  const seen = server.next()
  await rawClient(t, port)
  const result = await seen
  return 'detail' in result ? verdictOf(result) : (result.tls.peer?.spiffeId ?? 'nobody')
}

const mesh = (to: number, server: Raw, asked = ofSpire()): XdsResources => ({
  clusters: { ...serverAt('spire', server), ...meshed('backend', to, asked) },
  listeners: out('backend'),
})

for (const api of ['GRPC', 'DELTA_GRPC']) {
  t.test(`secret server ${api}: its secrets serve mutual TLS and are renewed`, async (t) => {
    const app = await backend(t)
    const path = join(socketDir(t), 'agent.sock')
    const spire = await xdsServer(t, { secrets: { ...certificate(web), ...roots('ALL') } }, path)
    const plane = await xdsServer(t, mesh(app.port, { pipe: { path } }, ofSpire(api)))
    const { until, emissions, lines } = run(t, plane)
    const running = await runProxy(t, await until(complete))
    t.same(emissions[0]?.problems, [], 'nothing is emitted without them')
    t.equal(await callerSeen(t, running.port('to-backend'), app), web)

    t.equal(spire.streams(), 1)
    const [first] = spire.requests
    t.match(first, {
      node: { id: 'mesh.web', user_agent_build_version: { version: { major_number: 1 } } },
      type_url: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
    })
    const asked = first?.[api === 'GRPC' ? 'resource_names' : 'resource_names_subscribe']
    t.same(new Set(asked as readonly string[]), new Set(['ALL', web]))
    t.equal(spire.requests.filter(({ node }) => node !== undefined).length, 1)
    t.notOk(spire.requests.some(isNack))
    t.notOk(plane.requests.some(({ type_url }) => String(type_url).endsWith('.Secret')))

    const next = leaf('web-2')
    spire.set({ secrets: { ...certificate(web, next), ...roots('ALL') } })
    await running.proxy.apply(await until((one) => chains(one).includes(next.certificate)))
    t.equal(await callerSeen(t, running.port('to-backend'), app), 'spiffe://mesh/web-2')

    const before = spire.sent.length
    await spire.stop()
    await until((_, { problems }) =>
      problems.some(({ message }) => message.startsWith('The server of secrets spire does not')),
    )
    t.equal(await callerSeen(t, running.port('to-backend'), app), 'spiffe://mesh/web-2')
    const third = leaf('web-3')
    spire.set({ secrets: { ...certificate(web, third), ...roots('ALL') } })
    await spire.restart()
    await running.proxy.apply(await until((one) => chains(one).includes(third.certificate)))
    await until((_, { problems }) => problems.length === 0)
    t.equal(await callerSeen(t, running.port('to-backend'), app), 'spiffe://mesh/web-3')
    t.ok(lines.some((line) => line.includes('server of secrets spire lost')))
    if (api === 'DELTA_GRPC') t.same(spire.sent.slice(before), [`secrets/${web}`])
  })

  t.test(`secret server ${api}: a wrong secret is refused, and the one before stays`, async (t) => {
    const sds = await xdsServer(t, { secrets: { ...certificate(web), ...roots('ALL') } })
    const plane = await xdsServer(t, mesh(1, port(sds.port), ofSpire(api)))
    const { until, lines } = run(t, plane)
    const [chain] = chains(await until(complete))
    const { certificate: other } = leaf('web')
    const mixed = certificate(web, { certificate: other, key: leaf('web').key })
    sds.set({ secrets: { ...mixed, ...roots('ALL') } })
    const nack = await sds.request(isNack)
    t.match(nack, {
      error_detail: {
        code: 3,
        message: /^Secret spiffe:\/\/mesh\/web\{.*sds=spire\} .*private_key/,
      },
    })
    t.same(chains(await until((_, { problems }) => problems.length > 0)), [chain])
    t.ok(lines.some((line) => line.includes('error Secret/spiffe://mesh/web')))
    sds.set({ secrets: { ...certificate(web), ...roots('ALL') } })
    await until((one, { problems }) => problems.length === 0 && !chains(one).includes(chain ?? ''))
  })
}

t.test('secret server: what it does not give is waited for, and named', async (t) => {
  const sds = await xdsServer(t, { secrets: certificate(web) })
  const plane = await xdsServer(t, mesh(1, port(sds.port)))
  const { until, emissions, lines } = run(t, plane)
  await sds.request(({ version_info }) => version_info !== undefined)
  t.same(emissions, [])
  const waits = 'Cluster backend waits for the secret ALL{sds=spire}'
  const said = (): boolean => lines.some((line) => line.includes(waits))
  while (!said()) await new Promise((resolve) => setImmediate(resolve))
  sds.set({ secrets: { ...certificate(web), ...roots('ALL') } })
  await until(complete)
})

t.test('secret server: secrets of one name of two servers and the control plane', async (t) => {
  const [one, two] = [await backend(t), await backend(t)]
  const dir = socketDir(t)
  const give = (name: string): XdsResources => ({
    secrets: { ...certificate('default', leaf(name)), ...roots('ROOTCA') },
  })
  const first = await xdsServer(t, give('one'), join(dir, 'one.sock'))
  const second = await xdsServer(t, give('two'), join(dir, 'two.sock'))
  const of = (name: string): Asked => ({
    own: ['default', from(name)],
    trust: ['ROOTCA', from(name)],
  })
  const ads = { ads: {}, resource_api_version: 'V3' }
  const three = await backend(t)
  const clusters = {
    ...serverAt('first', { pipe: { path: join(dir, 'one.sock') } }),
    ...serverAt('second', { pipe: { path: join(dir, 'two.sock') } }),
    ...meshed('a', one.port, of('first')),
    ...meshed('b', two.port, of('second')),
    ...meshed('c', three.port, { own: ['default', ads], trust: ['ROOTCA', ads] }),
  }
  const all = { ...give('three'), clusters, listeners: out('a', 'b', 'c') }
  const plane = await xdsServer(t, all)
  const { until } = run(t, plane)
  const running = await runProxy(t, await until(({ listeners }) => listeners.length === 3))
  t.equal(await callerSeen(t, running.port('to-a'), one), 'spiffe://mesh/one')
  t.equal(await callerSeen(t, running.port('to-b'), two), 'spiffe://mesh/two')
  t.equal(await callerSeen(t, running.port('to-c'), three), 'spiffe://mesh/three')

  t.equal(second.streams(), 1)
  const { b: _, ...rest } = clusters
  plane.set({ ...all, clusters: rest, listeners: out('a', 'c') })
  await until(({ listeners }) => listeners.length === 2)
  while (second.streams() > 0) await new Promise((resolve) => setImmediate(resolve))
  t.equal(first.streams(), 1, 'whom nobody needs is no longer spoken to')
})

t.test('secret server: a server that moves is followed', async (t) => {
  const secrets = (of = leaf('web')) => ({ secrets: { ...certificate(web, of), ...roots('ALL') } })
  const moved = leaf('web')
  const before = await xdsServer(t, secrets())
  const after = await xdsServer(t, secrets(moved))
  const plane = await xdsServer(t, mesh(1, port(before.port)))
  const { until } = run(t, plane)
  await until(complete)
  plane.set(mesh(1, port(after.port)))
  await until((one) => chains(one).includes(moved.certificate))
})

t.test('secret server: after a restart it serves while the control plane is away', async (t) => {
  const dir = socketDir(t)
  const keep = { dir, owner: 'mesh/web', keys: false }
  const path = join(dir, 'agent.sock')
  const spire = await xdsServer(t, { secrets: { ...certificate(web), ...roots('ALL') } }, path)
  const plane = await xdsServer(t, mesh(1, { pipe: { path } }))
  const first = run(t, plane, keep)
  await first.until(complete)
  first.stop()
  await plane.stop()
  const [kept, renewed] = [spire.requests.length, leaf('web')]
  spire.set({ secrets: { ...certificate(web, renewed), ...roots('ALL') } })
  const second = run(t, plane, keep)
  t.same(second.emissions, [], 'the key is not kept')
  t.same(chains(await second.until(complete)), [renewed.certificate])
  t.ok(spire.requests.length > kept)
})

t.test('secret server: no key comes in the clear from another machine', async (t) => {
  const plane = await xdsServer(t, mesh(1, port(1, '192.0.2.1')))
  const { lines } = run(t, plane)
  const said = (): boolean =>
    lines.some((line) => line.includes('the cluster spire has no TLS: keys come over TLS'))
  while (!said()) await new Promise((resolve) => setImmediate(resolve))
  t.pass()
})
