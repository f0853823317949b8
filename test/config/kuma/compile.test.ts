import t from 'tap'
import { compile } from '../../../config/kuma/compile.ts'
import { checkSnapshot } from '../../../proxy/model/snapshot.ts'
import { compiledOf, complaintsOf, resourcesOf, smallMesh } from '../../support/kuma.ts'

const cluster = (text: string, name: string, proxy = 'web-1') =>
  compiledOf(text, proxy).snapshot.clusters.find((one) => one.name === name)
const group = (text: string, name: string, proxy = 'web-1') =>
  compiledOf(text, proxy).snapshot.endpoints.find((one) => one.name === name)

t.test('compile: an inbound becomes a listener, a table and a local cluster', async (test) => {
  const { snapshot } = compiledOf(smallMesh(), 'backend-1')
  const [listener] = snapshot.listeners
  test.match(listener, {
    name: 'inbound:10.0.0.2:8080',
    address: '10.0.0.2',
    port: 8_080,
    direction: 'inbound',
    statPrefix: 'inbound:10.0.0.2:8080',
  })
  test.match(listener?.filterChains, [
    {
      tls: null,
      match: { transport: 'any' },
      filter: { kind: 'http', forwardClientCert: 'sanitize' },
    },
  ])
  test.equal(listener?.filterChains.length, 1)
  test.same(
    snapshot.routeTables.map(({ name }) => name),
    ['inbound:10.0.0.2:8080'],
  )
  test.match(snapshot.endpoints, [
    {
      name: 'localhost:9080',
      localities: [{ endpoints: [{ host: '10.0.0.2', port: 9_080 }] }],
    },
  ])
})

t.test('compile: what the model gets is what the model accepts', async (test) => {
  for (const protocol of ['http', 'tcp', 'grpc']) {
    const { snapshot } = compiledOf(smallMesh(protocol), 'web-1')
    const checked = checkSnapshot(JSON.parse(JSON.stringify(snapshot)))
    test.same(checked.rejects, [])
    test.same(checked.snapshot, snapshot, 'and nothing is left to be filled in')
  }
})

t.test(
  'compile: an inbound that is ignored has no listener, one not ready no endpoint',
  async (test) => {
    const ignored = smallMesh().replace(
      '{port: 8080, servicePort: 9080, name: main',
      '{state: Ignored, port: 8080, servicePort: 9080, name: main',
    )
    test.same(
      compiledOf(ignored, 'web-1').snapshot.listeners.map(({ direction }) => direction),
      ['outbound'],
    )
    for (const state of ['state: NotReady', 'health: {ready: false}', 'state: Ignored']) {
      const [first = '', second = ''] = smallMesh().split('name: backend-1')
      const text = `${first}name: backend-1${second.replace('{port:', `{${state}, port:`)}`
      const hosts = group(text, 'backend')?.localities.flatMap(({ endpoints }) =>
        endpoints.map(({ host }) => host),
      )
      test.same(hosts, ['10.0.0.3'], state)
    }
  },
)

t.test(
  'compile: serviceAddress is the application\u2019s, two on one port keep apart',
  async (test) => {
    const text = `
type: Dataplane
name: a
networking:
  address: 10.0.0.1
  inbound:
    - {port: 1000, servicePort: 80, serviceAddress: 127.0.0.1, tags: {kuma.io/service: a}}
    - {port: 1001, servicePort: 80, serviceAddress: 127.0.0.2, tags: {kuma.io/service: b}}
`
    const { snapshot } = compiledOf(text, 'a')
    test.same(
      snapshot.endpoints.map(({ name, localities }) => [name, localities[0]?.endpoints[0]?.host]),
      [
        ['localhost:80', '127.0.0.1'],
        ['127.0.0.2:80', '127.0.0.2'],
      ],
    )
  },
)

t.test('compile: an outbound of bytes goes straight to its cluster', async (test) => {
  const { snapshot } = compiledOf(smallMesh('tcp'), 'web-1')
  const outbound = snapshot.listeners.find(({ direction }) => direction === 'outbound')
  test.match(outbound?.filterChains[0]?.filter, {
    kind: 'tcp',
    clusters: [{ cluster: 'backend', weight: 1 }],
  })
  test.same(snapshot.routeTables, [])
})

t.test('compile: services of mixed protocols speak what all of them do', async (test) => {
  const mixed = smallMesh().replace(
    'kuma.io/protocol: http, version: v2',
    'kuma.io/protocol: tcp, version: v2',
  )
  test.equal(cluster(mixed, 'backend')?.protocol, 'tcp')
  test.equal(cluster(smallMesh(), 'backend')?.protocol, 'http1')
})

t.test('compile: an outbound with more tags takes a part of the service', async (test) => {
  const text = smallMesh().replace(
    '{kuma.io/service: backend}',
    '{kuma.io/service: backend, version: v2}',
  )
  const found = group(text, 'backend{version=v2}')
  test.match(found?.localities, [{ endpoints: [{ host: '10.0.0.3', tags: { version: 'v2' } }] }])
})

t.test('compile: a peer by host name is resolved again and again', async (test) => {
  const text = smallMesh().replace('address: 10.0.0.3', 'address: backend.example')
  test.equal(cluster(text, 'backend')?.discovery, 'dns')
})

t.test('compile: advertisedAddress is what peers dial', async (test) => {
  const text = smallMesh().replace(
    'address: 10.0.0.3',
    'address: 10.0.0.3\n  advertisedAddress: 192.0.2.1',
  )
  const hosts = group(text, 'backend')?.localities.flatMap(({ endpoints }) => endpoints)
  test.match(hosts, [{ host: '10.0.0.2' }, { host: '192.0.2.1' }])
})

t.test('compile: a delegated gateway has outbounds only', async (test) => {
  const text = `${smallMesh()}---
type: Dataplane
name: gateway-1
networking:
  address: 10.0.0.9
  admin: {port: 9902}
  gateway: {tags: {kuma.io/service: gateway}}
  outbound: [{port: 10001, address: 127.0.0.2, tags: {kuma.io/service: web}}]
`
  const { snapshot, settings } = compiledOf(text, 'gateway-1')
  test.same(
    snapshot.listeners.map(({ name }) => name),
    ['outbound:127.0.0.2:10001'],
  )
  test.equal(settings.admin.port, 9_902)
})

t.test('compile: an unknown Dataplane is an error with the one that was meant', async (test) => {
  test.same(complaintsOf(smallMesh(), 'web1'), [
    'error Dataplane/web1: is not in mesh "default"; did you mean "web-1"?',
  ])
  test.same(complaintsOf(smallMesh(), 'completely-else'), [
    'error Dataplane/completely-else: is not in mesh "default"; known: web-1, backend-1, backend-2',
  ])
  test.equal(compile(resourcesOf(smallMesh()), 'default', 'x').compilation, null)
})

t.test('compile: references that lead nowhere are warnings where they stand', async (test) => {
  const text = smallMesh().replace('{kuma.io/service: backend}', '{kuma.io/service: backed}')
  test.same(complaintsOf(text, 'web-1'), [
    'mesh.yaml:13:45 warning Dataplane/web-1 networking.outbound[0].tags["kuma.io/service"]: no Dataplane provides backed; did you mean "backend"?',
  ])
  const byRef = smallMesh().replace(
    'tags: {kuma.io/service: backend}',
    'backendRef: {kind: MeshService, name: bakend, port: 80}',
  )
  test.same(complaintsOf(byRef, 'web-1'), [
    'mesh.yaml:13:21 warning Dataplane/web-1 networking.outbound[0].backendRef: no MeshService bakend with port 80 is known; did you mean "backend"?',
  ])
})

t.test('compile: two compilations of one text are deeply equal', async (test) => {
  test.same(compiledOf(smallMesh(), 'web-1'), compiledOf(smallMesh(), 'web-1'))
})
