import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatProblem } from '../../../../config/source.ts'
import { readBootstrap } from '../../../../config/xds/bootstrap/bootstrap.ts'
import { pathIn } from '../../../../config/xds/bootstrap/path.ts'
import { addressOf } from '../../../../config/xds/client/dial.ts'
import { cluster, endpoints, origin } from '../../../support/snapshot.ts'

interface Test {
  testdir(files: Readonly<Record<string, string>>): string
}

/** What is read from a text, its problems as lines without the directory. */
function read(t: Test, text: string) {
  const path = join(t.testdir({}), 'envoy.yaml')
  writeFileSync(path, text)
  const bootstrap = readBootstrap(path)
  const lines = bootstrap.problems.map((one) => formatProblem(one).slice(path.length - 10))
  return { ...bootstrap, lines }
}

const good = `
node: {id: web-1, cluster: web}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
dynamic_resources:
  lds_config: {ads: {}, resource_api_version: V3}
  cds_config: {ads: {}}
  ads_config:
    apiType: DELTA_GRPC
    transport_api_version: V3
    grpc_services:
      - envoy_grpc: {cluster_name: xds}
        initial_metadata: [{key: Authorization, value: token}]
static_resources:
  clusters:
    - name: xds
      connect_timeout: 1s
  secrets:
    - name: ca
  listeners:
    - statPrefix: unnamed
stats_config: {stats_tags: []}
`

t.test('bootstrap: node, control plane and static resources', async (t) => {
  const { node, controlPlane, fixed, lines } = read(t, good)
  t.match(node, { id: 'web-1', cluster: 'web' })
  t.same(controlPlane, {
    cluster: 'xds',
    delta: true,
    metadata: [{ key: 'authorization', value: 'token' }],
  })
  t.same(
    fixed.map(({ kind, name }) => `${kind}/${name}`),
    ['clusters/xds', 'secrets/ca', 'listeners/#0'],
  )
  t.same(lines, ['envoy.yaml:3:1 warning admin: is not looked at; see --admin'])
})

t.test('bootstrap: a runtime that a configuration may ask is told not to be there', async (t) => {
  const layers = (list: string) =>
    read(t, `${good}layered_runtime: {layers: [${list}]}`).lines.slice(1)
  const own = '{name: a, static_layer: {envoy.reloadable_features.x: true, re2: {max: 1}}}'
  t.same(layers(`${own}, {name: b, admin_layer: {}}, {name: c, static_layer: {}}`), [])
  for (const layer of ['static_layer: {canary: 0}', 'disk_layer: {symlink_root: /srv}']) {
    t.match(layers(`{name: a, ${layer}}`), [
      /warning layered_runtime: is not looked at: of every runtime_key the default holds/,
    ])
  }
})

t.test('bootstrap: a finding about a static resource has its place in the file', async (t) => {
  const { fixed } = read(t, good)
  const finding = {
    path: 'stat_prefix',
    message: 'is wrong',
    hint: null,
    severity: 'error',
  } as const
  t.match(fixed[2]?.problem(finding), {
    line: 20,
    column: 7,
    resource: 'Listener/#0',
    path: 'static_resources.listeners[0].statPrefix',
  })
  t.match(fixed[0]?.problem({ ...finding, path: 'type' }), { line: 15 }, 'the nearest place above')
})

t.test('bootstrap: static resources alone need no control plane', async (t) => {
  const { controlPlane, lines } = read(t, 'static_resources: {clusters: [{name: a}]}')
  t.equal(controlPlane, null)
  t.same(lines, [])
})

const dynamic = (ads: string): string =>
  `dynamic_resources: {lds_config: {ads: {}}, cds_config: {ads: {}}, ${ads}}`

const bad = {
  'static_resources: [': /^envoy\.yaml:\d+:\d+ error: is not YAML/,
  '': 'envoy.yaml error: holds no Envoy bootstrap',
  '[]': /must be a map/,
  'nodes: {}':
    'envoy.yaml:1:1 error nodes: envoy.config.bootstrap.v3.Bootstrap has no such field; did you mean "node"?',
  'static_resources: {clusters: [{name: a, type: STRICT}]}':
    /\.type: must be one of STATIC, STRICT_DNS, .*, got "STRICT"$/,
  'static_resources: {clusters: [{name: a, type: STATICK}]}': /; did you mean "STATIC"\?$/,
  'static_resources: {clusters: [{name: a}, {name: a}]}':
    'envoy.yaml:1:43 error static_resources.clusters[1].name: a is the name of another, too',
  'node: {id: a}\n---\nnode: {id: b}': 'envoy.yaml error: holds several documents',
  'type: Mesh': /; resources of Kuma are given with --config$/,
  'static_resources:\n  clusters:\n    - name: 5':
    /^envoy\.yaml:3:7 error .*must be a string, got 5/,
  'tracing: {http: {name: a}}': 'envoy.yaml:1:1 error tracing: is not supported here',
  [dynamic('')]: /dynamic_resources: must have ads_config/,
  [dynamic('ads_config: {api_type: REST}')]:
    /REST is not supported here; supported: GRPC, DELTA_GRPC/,
  [dynamic('ads_config: {api_type: GRPC}')]: /must have a service/,
  [dynamic('ads_config: {api_type: GRPC, grpc_services: [{google_grpc: {target_uri: a}}]}')]:
    /google_grpc is not supported|google_grpc: is not supported here/,
  'dynamic_resources: {lds_config: {path: a}, cds_config: {ads: {}}, ads_config: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: x}}]}}':
    /lds_config.path: is not supported here/,
  'dynamic_resources: {ads_config: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: xd}}]}}\nstatic_resources: {clusters: [{name: xds}]}':
    /cluster_name: "xd" is not among static_resources\.clusters; did you mean "xds"\?$/,
  'dynamic_resources: {lds_config: {ads: {}}}':
    /warning dynamic_resources: cds_config is not there, and is asked for all the same$/,
}

for (const [text, wanted] of Object.entries(bad)) {
  t.test(
    `bootstrap: refused: ${text.replaceAll('\n', ' ').slice(0, 60) || 'nothing'}`,
    async (t) => {
      const { lines } = read(t, text)
      const found = lines.some((line) =>
        typeof wanted === 'string' ? line === wanted : wanted.test(line),
      )
      t.ok(found, JSON.stringify(lines))
    },
  )
}

t.test('bootstrap: a file that is not there is a problem, not a crash', async (t) => {
  const { problems } = readBootstrap('/nowhere/envoy.yaml')
  t.match(problems, [{ file: '/nowhere/envoy.yaml', message: /^cannot be read: ENOENT/ }])
})

t.test('bootstrap: paths lead through lists, maps and both spellings', async (t) => {
  const document = { staticResources: { clusters: [{ 'a.b': { load_assignment: 1 } }] } }
  t.same(pathIn(document, 'static_resources.clusters[0][a.b].load_assignment.x'), [
    'staticResources',
    'clusters',
    0,
    'a.b',
    'load_assignment',
  ])
})

t.test(
  'bootstrap: the control plane is where its cluster is, with the TLS that it says',
  async (t) => {
    const nothing = {
      edsName: null,
      needs: { secrets: [] },
      subsets: null,
      secrets: [],
      localityWeighted: false,
    }
    const plain = { ...nothing, cluster: cluster(), endpoints: endpoints('app', 5678) }
    t.same(addressOf(plain, new Map()), { target: '127.0.0.1:5678', tls: null })
    const tls = {
      certificate: null,
      trust: 'ca',
      peerIdentities: [],
      sni: 'cp.example',
      alpn: [],
      versions: { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] },
      skipChain: false,
    } as const
    const secured = { ...plain, cluster: cluster({ tls }) }
    t.throws(() => addressOf(secured, new Map()), /the secret ca of the cluster \S+ is not there/)
    const ca = {
      kind: 'trust',
      name: 'ca',
      origin,
      domains: [{ domain: '', bundle: 'PEM' }],
    } as const
    t.match(addressOf(secured, new Map([['ca', ca]])), {
      tls: { ca: 'PEM', cert: null, serverName: 'cp.example', skipVerify: false },
    })
    t.throws(() => addressOf({ ...plain, endpoints: null }, new Map()), /must have an endpoint/)
  },
)
