import t from 'tap'
import { resolveBackend } from '../../../config/kuma/destinations.ts'
import { viewMesh } from '../../../config/kuma/mesh-view.ts'
import { commonProtocol } from '../../../config/kuma/protocol.ts'
import type { BackendRef } from '../../../config/kuma/schemas/target-ref.ts'
import { compiledOf, resourcesOf } from '../../support/kuma.ts'
import { testCa, testLeaf } from '../../support/pki.ts'

const mesh = `
type: Mesh
name: default
meshServices: {mode: Everywhere}
---
type: Dataplane
name: db-1
labels: {kuma.io/workload: db, team: a}
networking:
  address: 10.0.0.1
  inbound:
    - {port: 5432, servicePort: 15432, name: sql, tags: {kuma.io/service: postgres}}
    - {port: 9000, servicePort: 19000, name: stats, protocol: http, tags: {kuma.io/service: postgres-stats}}
---
type: Dataplane
name: db-2
labels: {kuma.io/workload: db, team: b}
networking:
  address: 10.0.0.2
  inbound: [{port: 5433, servicePort: 15432, name: sql, tags: {kuma.io/service: postgres, version: v2}}]
---
type: MeshService
name: by-name
labels: {tier: data}
spec: {selector: {dataplaneRef: {name: db-1}}, ports: [{port: 80, targetPort: stats, appProtocol: http}]}
---
type: MeshService
name: by-labels
labels: {tier: data}
spec: {selector: {dataplaneLabels: {matchLabels: {team: b}}}, ports: [{port: 80, name: main, targetPort: 5433}]}
---
type: MeshService
name: by-tags
spec: {selector: {dataplaneTags: {kuma.io/service: postgres}}, ports: [{port: 5432}]}
---
type: MeshMultiZoneService
name: everywhere
spec: {selector: {meshService: {matchLabels: {tier: data}}}, ports: [{port: 80, appProtocol: http}]}
---
type: MeshExternalService
name: outside
spec:
  match: {port: 443, protocol: http}
  endpoints: [{address: api.example.com, port: 443}, {address: 192.0.2.1, port: 8443, priority: 1}]
  tls:
    enabled: true
    version: {min: TLS13}
    verification: {mode: Secured}
`
const view = viewMesh(resourcesOf(mesh), 'default')
const addresses = (ref: BackendRef) => {
  const found = resolveBackend(view, ref)
  return found?.members.map(({ inbound }) => `${inbound.advertisedAddress}:${inbound.port}`)
}

const rows: readonly (readonly [
  title: string,
  ref: BackendRef,
  members: readonly string[] | undefined,
])[] = [
  [
    'a MeshService by one proxy and a port by name',
    { kind: 'MeshService', name: 'by-name', port: 80 },
    ['10.0.0.1:9000'],
  ],
  [
    'by labels and a port by number',
    { kind: 'MeshService', name: 'by-labels', port: 80 },
    ['10.0.0.2:5433'],
  ],
  [
    'by tags, the port being its own target',
    { kind: 'MeshService', name: 'by-tags', port: 5432 },
    ['10.0.0.1:5432'],
  ],
  [
    'by labels of the MeshService',
    { kind: 'MeshService', labels: { tier: 'data' }, port: 80 },
    ['10.0.0.1:9000'],
  ],
  [
    'the only port when none is given',
    { kind: 'MeshService', name: 'by-labels' },
    ['10.0.0.2:5433'],
  ],
  [
    'a port by section name',
    { kind: 'MeshService', name: 'by-labels', sectionName: 'main' },
    ['10.0.0.2:5433'],
  ],
  ['no such port', { kind: 'MeshService', name: 'by-name', port: 81 }, undefined],
  ['no such service', { kind: 'MeshService', name: 'nobody', port: 80 }, undefined],
  [
    'the service of a workload, which Kuma makes',
    { kind: 'MeshService', name: 'db', port: 9000 },
    ['10.0.0.1:9000'],
  ],
  [
    'the service of a tag, in the modes that make them',
    { kind: 'MeshService', name: 'postgres-stats', port: 9000 },
    ['10.0.0.1:9000'],
  ],
  [
    'a 2.x service by name',
    { kind: 'MeshService', name: 'postgres' },
    ['10.0.0.1:5432', '10.0.0.2:5433'],
  ],
  [
    'a part of it by tags',
    { kind: 'MeshServiceSubset', name: 'postgres', tags: { version: 'v2' } },
    ['10.0.0.2:5433'],
  ],
  [
    'services of all zones under one name',
    { kind: 'MeshMultiZoneService', name: 'everywhere', port: 80 },
    ['10.0.0.1:9000', '10.0.0.2:5433'],
  ],
  ['no such multi-zone service', { kind: 'MeshMultiZoneService', name: 'x', port: 80 }, undefined],
  ['something outside has no members', { kind: 'MeshExternalService', name: 'outside' }, []],
  ['no such external service', { kind: 'MeshExternalService', name: 'x' }, undefined],
]

for (const [title, ref, members] of rows) {
  t.test(`destinations: ${title}`, async (test) => {
    test.same(addresses(ref), members)
  })
}

t.test('destinations: names of clusters are Kuma\u2019s', async (test) => {
  const name = (ref: BackendRef) => resolveBackend(view, ref)?.cluster
  test.equal(
    name({ kind: 'MeshService', name: 'by-tags', port: 5432 }),
    'default_by-tags___msvc_5432',
  )
  test.equal(
    name({ kind: 'MeshMultiZoneService', name: 'everywhere' }),
    'default_everywhere___mzsvc_80',
  )
  test.equal(name({ kind: 'MeshExternalService', name: 'outside' }), 'default_outside___extsvc_443')
  test.equal(name({ kind: 'MeshService', name: 'postgres' }), 'postgres')
})

t.test('destinations: what all of several protocols speak', async (test) => {
  test.equal(commonProtocol([]), 'tcp')
  test.equal(commonProtocol(['http', 'http']), 'http')
  test.equal(commonProtocol(['grpc', 'http2']), 'http2')
  test.equal(commonProtocol(['grpc', 'http']), 'tcp')
  test.equal(commonProtocol(['http', 'tcp']), 'tcp')
})

const outside = (verification: string) => {
  const text = `${mesh.replace('mode: Secured', verification)}---
type: Dataplane
name: caller
networking:
  address: 10.0.0.9
  outbound: [{port: 10001, backendRef: {kind: MeshExternalService, name: outside}}]
`
  const { snapshot } = compiledOf(text, 'caller')
  return { snapshot, cluster: snapshot.clusters[0] }
}

t.test(
  'destinations: something outside is called by its name, over TLS that is checked',
  async (test) => {
    const { snapshot, cluster } = outside('mode: Secured')
    test.match(cluster, {
      discovery: 'dns',
      protocol: 'http1',
      tls: {
        certificate: null,
        trust: null,
        peerIdentities: [
          { san: 'dns', match: { kind: 'exact', value: 'api.example.com' } },
          { san: 'ip', match: { kind: 'exact', value: '192.0.2.1' } },
        ],
        sni: 'api.example.com',
        versions: { min: 'TLSv1.3', max: 'TLSv1.3' },
        skipChain: false,
      },
    })
    test.match(snapshot.endpoints[0]?.localities, [
      { priority: 0, endpoints: [{ host: 'api.example.com', port: 443 }] },
      { priority: 1, endpoints: [{ host: '192.0.2.1', port: 8_443 }] },
    ])
    const action = snapshot.routeTables[0]?.virtualHosts[0]?.routes[0]?.action
    test.match(action, { kind: 'forward', rewrite: { host: { kind: 'endpoint' } } })
  },
)

t.test(
  'destinations: checks of something outside can be narrowed and switched off',
  async (test) => {
    const names =
      'serverName: s, subjectAltNames: [{value: a}, {type: Prefix, value: "spiffe://x/"}, {value: 192.0.2.7}]'
    test.match(outside(names).cluster?.tls, {
      sni: 's',
      peerIdentities: [
        { san: 'dns', match: { kind: 'exact', value: 'a' } },
        { san: 'uri', match: { kind: 'prefix', value: 'spiffe://x/' } },
        { san: 'ip', match: { kind: 'exact', value: '192.0.2.7' } },
      ],
    })
    const skips = (mode: string) => {
      const tls = outside(`mode: ${mode}`).cluster?.tls
      return [tls?.peerIdentities.length, tls?.skipChain]
    }
    test.same(skips('SkipSAN'), [0, false])
    test.same(skips('SkipCA'), [2, true])
    test.same(skips('SkipAll'), [0, true])
  },
)

/** The cluster of the only outbound of a caller in a mesh with mutual TLS and MeshIdentity. */
const called = (resources: string, ref: string) => {
  const text = `
type: MeshIdentity
name: everyone
spec: {selector: {dataplane: {matchLabels: {}}}, spiffeID: {trustDomain: td, path: '/{{ .Name }}'}}
---
type: Dataplane
name: caller
networking: {address: 10.0.0.9, outbound: [{port: 10001, backendRef: ${ref}}]}
---
type: Dataplane
name: a-1
labels: {app: a, kuma.io/zone: east}
networking: {address: 10.0.0.1, inbound: [{port: 80, servicePort: 81, name: main, protocol: http}]}
---
${resources}`
  const { snapshot } = compiledOf(text, 'caller')
  return { cluster: snapshot.clusters[0], endpoints: snapshot.endpoints[0] }
}
const service = (more: string) => `type: MeshService
name: a
labels: {app: a}
spec: {selector: {dataplaneLabels: {matchLabels: {app: a}}}, ports: [{port: 8080, targetPort: main, appProtocol: http}]${more}}
`
const ids = (cluster: ReturnType<typeof called>['cluster']) =>
  cluster?.tls?.peerIdentities.map(({ match }) => match.value) ?? null

t.test(
  'destinations: servers are who their proxies are, or who the MeshService says',
  async (test) => {
    const ref = '{kind: MeshService, name: a, port: 8080}'
    test.same(ids(called(service(''), ref).cluster), ['spiffe://td/a-1'])
    const declared =
      ', identities: [{type: SpiffeID, value: spiffe://td/x}, {type: ServiceTag, value: y}]'
    test.same(ids(called(service(declared), ref).cluster), ['spiffe://td/x', 'spiffe://default/y'])
  },
)

t.test('destinations: a MeshService that is unavailable has no endpoints', async (test) => {
  const ref = '{kind: MeshService, name: a, port: 8080}'
  test.match(called(service(''), ref).endpoints?.localities, [
    { endpoints: [{ host: '10.0.0.1' }] },
  ])
  test.same(called(service(', state: Available'), ref).endpoints?.localities.length, 1)
  test.same(called(service(', state: Unavailable'), ref).endpoints?.localities, [])
})

t.test('destinations: a service of several zones is what its available parts are', async (test) => {
  const both = (
    more: string,
  ) => `${service(', identities: [{type: SpiffeID, value: spiffe://td/x}]')}---
${service(more).replace('name: a', 'name: b')}---
type: MeshMultiZoneService
name: m
spec: {selector: {meshService: {matchLabels: {app: a}}}, ports: [{port: 8080, name: web, appProtocol: http}]}
`
  const ref = '{kind: MeshMultiZoneService, name: m, sectionName: web}'
  const declared = ', identities: [{type: SpiffeID, value: spiffe://td/y}]'
  test.same(ids(called(both(declared), ref).cluster), ['spiffe://td/x', 'spiffe://td/y'])
  test.same(ids(called(both(''), ref).cluster), ['spiffe://td/a-1'], 'one declares nothing')
  test.same(ids(called(both(', state: Unavailable'), ref).cluster), ['spiffe://td/x'])
})

t.test(
  'destinations: what is outside is spoken to as it says, and may be a socket',
  async (test) => {
    const external = (protocol: string, more: string) => `type: MeshExternalService
name: out
spec: {match: {port: 443, protocol: ${protocol}}, ${more}}
`
    const ref = '{kind: MeshExternalService, name: out}'
    const at = (protocol: string, more: string) => called(external(protocol, more), ref)
    const tls = (protocol: string, version = '{}') =>
      at(
        protocol,
        `endpoints: [{address: e.com, port: 1}], tls: {enabled: true, version: ${version}}`,
      ).cluster
    test.same(
      ['http', 'http2', 'grpc', 'tcp'].map((protocol) => [
        tls(protocol)?.protocol,
        tls(protocol)?.tls?.alpn,
      ]),
      [
        ['http1', ['http/1.1']],
        ['http2', ['h2']],
        ['http2', ['h2']],
        ['tcp', []],
      ],
    )
    const bounds = (version: string) => {
      const { min, max } = tls('http', version)?.tls?.versions ?? {}
      return [min, max]
    }
    test.same(bounds('{}'), ['TLSv1.2', 'TLSv1.3'])
    test.same(bounds('{min: TLS13, max: TLSAuto}'), ['TLSv1.3', 'TLSv1.3'])
    test.same(bounds('{min: TLS10, max: TLS11}'), ['TLSv1.2', 'TLSv1.2'])
    test.equal(
      at('http', 'endpoints: [{address: 10.0.0.7, port: 1}], tls: {enabled: false}').cluster?.tls,
      null,
    )
    test.match(at('tcp', 'endpoints: [{address: "unix:///run/a.sock"}]').endpoints?.localities, [
      { endpoints: [{ host: '/run/a.sock' }] },
    ])
  },
)

t.test('destinations: certificates for what is outside are secrets of their own', async (test) => {
  const ca = testCa()
  const { certificate: chain, key } = testLeaf(ca, 'spiffe://td/web')
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const directory = test.testdir({ 'ca.pem': ca.certificate })
  const sources = [
    `caCert: {file: {path: ${directory}/ca.pem}}`,
    `clientCert: {insecureInline: {value: ${JSON.stringify(chain)}}}`,
    `clientKey: {inline: {value: ${base64(key)}}}`,
  ]
  const text = mesh.replace('mode: Secured', sources.join(', '))
  const { snapshot } = compiledOf(
    `${text}---
type: Dataplane
name: caller
networking: {address: 10.0.0.9, outbound: [{port: 10001, backendRef: {kind: MeshExternalService, name: outside}}]}
`,
    'caller',
  )
  test.match(snapshot.secrets, [
    { kind: 'certificate', name: 'external:outside:certificate', chain, key },
    {
      kind: 'trust',
      name: 'external:outside:trust',
      domains: [{ domain: '', bundle: ca.certificate }],
    },
  ])
})

t.test('destinations: a certificate that cannot be had leaves no check out', async (test) => {
  const caller = `type: Dataplane
name: caller
networking: {address: 10.0.0.9, outbound: [{port: 10001, backendRef: {kind: MeshExternalService, name: outside}}]}
`
  const { certificate, key } = testLeaf(testCa(), 'spiffe://td/web')
  const shown = (source: string) =>
    `clientCert: {inlineString: ${JSON.stringify(certificate)}}, clientKey: ${source}`
  for (const source of [
    'caCert: {secretRef: {kind: Secret, name: nobody}}',
    'caCert: {envVar: {name: NOBODY}}',
    'caCert: {file: /nowhere/ca.pem}',
    shown('{secret: nobody}'),
  ]) {
    const text = `${mesh.replace('mode: Secured', source)}---\n${caller}`
    test.throws(() => compiledOf(text, 'caller'), /names external:outside:\w+, which is not there/)
  }
  const whole = `${mesh.replace('mode: Secured', shown('{envVar: {name: KEY}}'))}---\n${caller}`
  test.match(compiledOf(whole, 'caller', 'default', { KEY: key }).snapshot.secrets, [{ key }])
})
