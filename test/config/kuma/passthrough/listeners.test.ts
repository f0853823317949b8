import t from 'tap'
import type { Listener } from '../../../../proxy/model/listener.ts'
import { compiledOf, complaintsOf, smallMesh } from '../../../support/kuma.ts'
import { transparentMesh } from '../../../support/transparent.ts'

const snapshotOf = (text: string) => compiledOf(text, 'web-1').snapshot
const listenerOf = (text: string, name: string): Listener | undefined =>
  snapshotOf(text).listeners.find((one) => one.name === name)
const targetsOf = (listener: Listener | undefined) =>
  listener?.filterChains.map(({ name, filter }) => [
    name,
    filter.kind === 'tcp' ? filter.clusters[0]?.cluster : filter.routeTable,
  ])
const policy = (conf: string) => `type: MeshPassthrough\nname: p\nspec: {default: ${conf}}\n`
const both = 'redirectPortInbound: 15006, redirectPortOutbound: 15001'

t.test('interception: listeners listen on inherited sockets, one for each family', async (t) => {
  const { listeners } = snapshotOf(transparentMesh('', both))
  t.same(
    listeners
      .filter(({ intercepts }) => intercepts)
      .map(({ name, address, port, socket }) => [name, address, port, socket]),
    [
      ['outbound:passthrough:ipv4', '0.0.0.0', 15_001, { kind: 'inherited', name: 'outbound' }],
      ['inbound:passthrough:ipv4', '0.0.0.0', 15_006, { kind: 'inherited', name: 'inbound' }],
      ['outbound:passthrough:ipv6', '::', 15_001, { kind: 'inherited', name: 'outbound6' }],
      ['inbound:passthrough:ipv6', '::', 15_006, { kind: 'inherited', name: 'inbound6' }],
    ],
  )
})

t.test('interception: inbounds are virtual and call the application from 127.0.0.6', async (t) => {
  const { listeners, clusters } = snapshotOf(transparentMesh())
  const inbound = listeners.find(({ name }) => name === 'inbound:10.0.0.1:8080')
  t.same(inbound?.socket, { kind: 'virtual' })
  const sourceOf = (name: string) => clusters.find((one) => one.name === name)?.bindAddress
  t.equal(sourceOf('localhost:8080'), '127.0.0.6')
  t.match(
    clusters.find(({ name }) => name === 'inbound:passthrough:ipv4'),
    { discovery: 'original', protocol: 'tcp', bindAddress: '127.0.0.6' },
  )
})

t.test('interception: without redirectPortInbound inbounds are bound', async (t) => {
  const text = transparentMesh('', 'redirectPortOutbound: 15001').replace(
    'port: 8080, tags: {kuma.io/service: web',
    'port: 8080, servicePort: 9080, tags: {kuma.io/service: web',
  )
  t.same(listenerOf(text, 'inbound:10.0.0.1:8080')?.socket, { kind: 'bound' })
  t.notOk(listenerOf(text, 'inbound:passthrough:ipv4'))
})

t.test('interception: with mutual TLS no port passes that is no inbound', async (t) => {
  const mtls = 'mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin}]}'
  const strict = transparentMesh('', both, mtls)
  t.same(targetsOf(listenerOf(strict, 'inbound:passthrough:ipv4')), [['any', 'no_destination']])
  const plain = listenerOf(transparentMesh(), 'inbound:passthrough:ipv4')
  t.same(targetsOf(plain), [['any', 'inbound:passthrough:ipv4']])
})

const out = 'outbound:passthrough:ipv4'
t.test('passthrough: everything passes until a Mesh or a policy says otherwise', async (t) => {
  const refused = transparentMesh('', both, 'networking: {outbound: {passthrough: false}}')
  const allowed = `${refused}---\n${policy('{passthroughMode: All}')}`
  t.same(targetsOf(listenerOf(transparentMesh(), out)), [['any', out]])
  t.same(targetsOf(listenerOf(refused, out)), [['any', 'no_destination']])
  t.same(targetsOf(listenerOf(allowed, out)), [['any', out]])
  const none = transparentMesh(policy('{passthroughMode: None, appendMatch: []}'))
  t.same(targetsOf(listenerOf(none, out)), [['any', 'no_destination']])
  const empty = transparentMesh(policy('{}'))
  t.same(targetsOf(listenerOf(empty, out)), [['any', 'no_destination']], 'Matched by default')
})

t.test('passthrough: what is matched goes where it was going, the rest is refused', async (t) => {
  const text = transparentMesh(
    policy(
      '{appendMatch: [{type: Domain, value: a.test, protocol: grpc, port: 80}, {type: IP, value: 10.9.9.9}]}',
    ),
  )
  t.same(targetsOf(listenerOf(text, out)), [
    ['meshpassthrough_grpc_80', 'meshpassthrough_grpc_80'],
    ['meshpassthrough_tcp_10.9.9.9_*', 'meshpassthrough_tcp_10.9.9.9_*'],
    ['meshpassthrough_tcp_10.9.9.9_80', 'meshpassthrough_tcp_10.9.9.9_80'],
  ])
  const { routeTables, clusters } = snapshotOf(text)
  const table = routeTables.find(({ name }) => name === 'meshpassthrough_grpc_80')
  t.match(table?.virtualHosts, [
    { domains: ['a.test'], routes: [{ action: { kind: 'forward' } }] },
    { domains: ['*'], routes: [{ action: { kind: 'direct', status: 503 } }] },
  ])
  const cluster = clusters.find(({ name }) => name === 'meshpassthrough_grpc_a.test_80')
  t.match(cluster, { discovery: 'original', protocol: 'http2' })
})

t.test('passthrough: MeshAccessLog for all destinations logs what passes', async (t) => {
  const log = (target: string) =>
    transparentMesh(
      `type: MeshAccessLog\nname: l\nspec: {to: [{targetRef: ${target}, default: {backends: [{type: File, file: {path: /tmp/l, format: {type: Plain, plain: x}}}]}}]}\n`,
    )
  const logsOf = (text: string) => listenerOf(text, out)?.filterChains[0]?.filter.accessLogs.length
  t.equal(logsOf(log('{kind: Mesh}')), 1)
  t.equal(logsOf(log('{kind: MeshService, name: backend}')), 0)
})

t.test('passthrough: a proxy that is not intercepted is told that it has no effect', async (t) => {
  const text = `${smallMesh()}---\n${policy('{passthroughMode: None}')}`
  t.match(complaintsOf(text, 'web-1'), [
    /MeshPassthrough\/p spec.default: has no effect on Dataplane\/web-1, whose traffic is not intercepted/,
  ])
})
