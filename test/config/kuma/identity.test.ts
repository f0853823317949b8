import t from 'tap'
import { expectedSpiffeIds } from '../../../config/kuma/identity.ts'
import { compiledOf, complaintsOf, resourcesOf, smallMesh } from '../../support/kuma.ts'

const skip = "skipCreatingInitialPolicies: ['*']"
const mtls = (mode = 'STRICT') =>
  smallMesh().replace(
    skip,
    `${skip}\nmtls: {enabledBackend: ca, backends: [{name: ca, type: builtin, mode: ${mode}}]}`,
  )

const chainsOf = (text: string, proxy = 'backend-1') =>
  compiledOf(text, proxy).snapshot.listeners[0]?.filterChains ?? []
const tlsOf = (text: string, cluster = 'backend') =>
  compiledOf(text, 'web-1').snapshot.clusters.find(({ name }) => name === cluster)?.tls

const versions = { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] }
const exact = (value: string) => ({
  san: 'uri',
  match: { kind: 'exact', value, ignoreCase: false },
})

t.test('identity: without mutual TLS there is none', async (test) => {
  test.equal(compiledOf(smallMesh(), 'web-1').identity, null)
  test.equal(tlsOf(smallMesh()), null)
  test.same(expectedSpiffeIds(resourcesOf(smallMesh()), 'default', 'web-1'), [])
})

t.test('identity: Mesh.mtls names a proxy by its services', async (test) => {
  const two = mtls().replace(
    '  outbound:',
    '    - {port: 8081, servicePort: 9081, tags: {kuma.io/service: web-admin}}\n  outbound:',
  )
  const ids = ['spiffe://default/web', 'spiffe://default/web-admin']
  test.same(compiledOf(two, 'web-1').identity, { spiffeIds: ids, trustDomain: 'default' })
  test.same(expectedSpiffeIds(resourcesOf(two), 'default', 'web-1'), ids)
  test.same(expectedSpiffeIds(resourcesOf(two), 'default', 'nobody'), [])
})

t.test('identity: STRICT takes mutual TLS and nothing else', async (test) => {
  const chains = chainsOf(mtls())
  test.equal(chains.length, 1)
  test.match(chains[0], {
    match: { transport: 'any', alpn: [] },
    tls: {
      certificate: 'identity',
      trust: 'trust',
      requireClientCertificate: true,
      peerIdentities: [
        { san: 'uri', match: { kind: 'prefix', value: 'spiffe://default/', ignoreCase: false } },
      ],
      alpn: [],
      versions,
    },
    filter: { kind: 'http', forwardClientCert: 'sanitize_set', policies: [{ kind: 'rbac' }] },
  })
})

t.test(
  'identity: PERMISSIVE serves ours, passes other TLS on and takes plaintext',
  async (test) => {
    const chains = chainsOf(mtls('PERMISSIVE'))
    test.match(chains, [
      { match: { transport: 'tls', alpn: ['kuma'] }, tls: { certificate: 'identity' } },
      {
        match: { transport: 'tls', alpn: [] },
        tls: null,
        filter: { kind: 'tcp', clusters: [{ cluster: 'localhost:9080' }] },
      },
      { match: { transport: 'raw' }, tls: null, filter: { kind: 'http', policies: [] } },
    ])
    test.equal(chains.length, 3)
  },
)

t.test('identity: an outbound demands the identity of the service', async (test) => {
  test.same(tlsOf(mtls()), {
    certificate: 'identity',
    trust: 'trust',
    peerIdentities: [exact('spiffe://default/backend')],
    sni: 'backend{mesh=default}',
    alpn: ['kuma'],
    versions,
    skipChain: false,
  })
})

t.test('identity: a service without endpoints keeps its identity', async (test) => {
  const text = mtls().replace('tags: {kuma.io/service: backend}', 'tags: {kuma.io/service: gone}')
  test.match(tlsOf(text, 'gone'), { peerIdentities: [exact('spiffe://default/gone')] })
})

t.test('identity: MeshTLS sets mode, versions and ciphers', async (test) => {
  const text = `${mtls('PERMISSIVE')}---
type: MeshTLS
name: p
spec: {rules: [{default: {mode: Strict, tlsVersion: {min: TLS13, max: TLSAuto}, tlsCiphers: [ECDHE-RSA-AES128-GCM-SHA256]}}]}
`
  const wanted = { min: 'TLSv1.3', max: 'TLSv1.3', ciphers: ['ECDHE-RSA-AES128-GCM-SHA256'] }
  test.equal(chainsOf(text).length, 1)
  test.same(chainsOf(text)[0]?.tls?.versions, wanted)
  test.same(tlsOf(text)?.versions, wanted)
})

t.test('identity: a proxy without a service cannot be named', async (test) => {
  const text = mtls().replace('kuma.io/service: web, ', '')
  test.same(complaintsOf(text, 'web-1'), [
    'mesh.yaml:9:1 error Dataplane/web-1 networking: has no kuma.io/service to be named by; give an inbound, or the gateway, the tag kuma.io/service',
  ])
})

const workloads = `
type: Mesh
name: default
${skip}
---
type: Dataplane
name: web-1
labels: {kuma.io/workload: web, kuma.io/zone: east, team: a}
networking:
  address: 10.0.0.1
  inbound: [{port: 8080, servicePort: 9080, protocol: http}]
  outbound: [{port: 10001, backendRef: {kind: MeshService, name: backend, port: 8080}}]
---
type: Dataplane
name: backend-1
labels: {kuma.io/workload: backend}
networking:
  address: 10.0.0.2
  inbound: [{port: 8080, servicePort: 9080, protocol: http}]
`
const meshIdentity = (name: string, spec: string) =>
  `---\ntype: MeshIdentity\nname: ${name}\nspec: ${spec}\n`
const everyone = '{selector: {dataplane: {matchLabels: {}}}}'

t.test('identity: MeshIdentity has a template with defaults', async (test) => {
  const text = workloads + meshIdentity('id', everyone)
  test.same(compiledOf(text, 'web-1').identity, {
    spiffeIds: ['spiffe://default.east.mesh.local/workload/web'],
    trustDomain: 'default.east.mesh.local',
  })
  test.match(tlsOf(text, 'default_backend___msvc_8080'), {
    peerIdentities: [exact('spiffe://default.default.mesh.local/workload/backend')],
    sni: 'sni.msvc.default.default.backend.8080',
  })
})

t.test('identity: the MeshIdentity with most labels wins, then the smallest name', async (test) => {
  const named = (name: string, labels: string) =>
    meshIdentity(
      name,
      `{selector: {dataplane: {matchLabels: ${labels}}}, spiffeID: {trustDomain: "${name}.test", path: '/{{ label "team" }}/{{ .Workload }}'}}`,
    )
  const text = workloads + named('c', '{team: a}') + named('b', '{team: a}') + named('a', '{}')
  test.same(compiledOf(text, 'web-1').identity?.spiffeIds, ['spiffe://b.test/a/web'])
  const none = workloads + meshIdentity('id', '{}')
  test.equal(compiledOf(none, 'web-1').identity, null, 'no selector selects nobody')
})

t.test('identity: a label that the template needs must be there', async (test) => {
  const text = workloads.replace('kuma.io/workload: web, ', '') + meshIdentity('id', everyone)
  test.same(complaintsOf(text, 'web-1'), [
    'mesh.yaml:8:1 error Dataplane/web-1 labels: has not the labels that spiffeID of MeshIdentity/id needs; the default path needs the label kuma.io/workload',
  ])
})

t.test('identity: MeshTrust adds bundles and accepted trust domains', async (test) => {
  const trust = (name: string) => `---
type: MeshTrust
name: ${name}
spec: {trustDomain: ${name}.test, caBundles: [{type: Pem, pem: {value: "${name}-1\\n"}}, {type: Pem, pem: {value: ${name}-2}}]}
`
  const text = workloads + meshIdentity('id', everyone) + trust('a') + trust('b')
  test.same(compiledOf(text, 'web-1').settings.bundles, [
    { domain: 'a.test', bundle: 'a-1\na-2' },
    { domain: 'b.test', bundle: 'b-1\nb-2' },
  ])
  test.same(
    chainsOf(text, 'web-1')[0]?.tls?.peerIdentities.map(({ match }) => match.value),
    ['spiffe://default.east.mesh.local/', 'spiffe://a.test/', 'spiffe://b.test/'],
  )
})

t.test(
  'identity: a destination without identities is called in plaintext, with a warning',
  async (test) => {
    const text = workloads + meshIdentity('id', '{selector: {dataplane: {matchLabels: {team: a}}}}')
    test.equal(tlsOf(text, 'default_backend___msvc_8080'), null)
    test.same(complaintsOf(text, 'web-1'), [
      'mesh.yaml:12:3 warning Dataplane/web-1 networking.outbound: calls to backend are plaintext: none of its proxies has an identity',
    ])
  },
)

t.test('identity: what a MeshService declares counts when it has no members', async (test) => {
  const text = `${workloads}---
type: MeshService
name: backend
spec:
  selector: {dataplaneLabels: {matchLabels: {kuma.io/workload: nobody}}}
  ports: [{port: 8080, appProtocol: http}]
  identities: [{type: SpiffeID, value: "spiffe://x/y"}, {type: ServiceTag, value: old}]
${meshIdentity('id', everyone)}`
  test.match(tlsOf(text, 'default_backend___msvc_8080'), {
    peerIdentities: [exact('spiffe://x/y'), exact('spiffe://default/old')],
  })
})
