import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

const conf = `{connectionTimeout: 2s, idleTimeout: 3s, http: {requestTimeout: 4s, streamIdleTimeout: 5s,
  maxStreamDuration: 6s, maxConnectionDuration: 7s, requestHeadersTimeout: 8s}}`
const both = `{to: [{targetRef: {kind: Mesh}, default: ${conf}}], from: [{targetRef: {kind: Mesh}, default: ${conf}}]}`

t.test('mesh-timeout: an outbound gets times on listener, route and cluster', async (test) => {
  const { snapshot } = compiledOf(withPolicy('MeshTimeout', both), 'web-1')
  const listener = snapshot.listeners.find(({ direction }) => direction === 'outbound')
  test.match(listener?.filterChains[0]?.filter, {
    idleTimeoutMs: 3_000,
    streamIdleTimeoutMs: 5_000,
    maxStreamDurationMs: 6_000,
    maxConnectionDurationMs: 7_000,
    requestHeadersTimeoutMs: 8_000,
    policies: [],
  })
  const table = snapshot.routeTables.find(({ name }) => name === listener?.name)
  test.same(table?.virtualHosts[0]?.routes[0]?.policies, [
    { kind: 'timeout', requestTimeoutMs: 4_000, streamIdleTimeoutMs: 5_000, byPeer: [] },
  ])
  test.match(
    snapshot.clusters.find(({ name }) => name === 'backend'),
    {
      connectTimeoutMs: 2_000,
      idleTimeoutMs: 3_000,
      maxStreamDurationMs: 6_000,
      maxConnectionDurationMs: 7_000,
    },
  )
})

t.test('mesh-timeout: an inbound gets them on the listener and the local cluster', async (test) => {
  const { snapshot } = compiledOf(withPolicy('MeshTimeout', both), 'web-1')
  const listener = snapshot.listeners.find(({ direction }) => direction === 'inbound')
  test.match(listener?.filterChains[0]?.filter, {
    idleTimeoutMs: 3_000,
    streamIdleTimeoutMs: 5_000,
    policies: [
      { kind: 'timeout', requestTimeoutMs: 4_000, streamIdleTimeoutMs: 5_000, byPeer: [] },
    ],
  })
  test.match(
    snapshot.clusters.find(({ name }) => name === 'localhost:9080'),
    { connectTimeoutMs: 2_000, idleTimeoutMs: 3_000 },
  )
})

t.test('mesh-timeout: a TCP destination has an idle time', async (test) => {
  const { snapshot } = compiledOf(withPolicy('MeshTimeout', both, 'tcp'), 'web-1')
  for (const { filterChains } of snapshot.listeners) {
    test.match(filterChains[0]?.filter, { kind: 'tcp', idleTimeoutMs: 3_000 })
  }
})

t.test('mesh-timeout: what is not set keeps its default', async (test) => {
  const spec = '{to: [{targetRef: {kind: Mesh}, default: {idleTimeout: 3s}}]}'
  const { snapshot } = compiledOf(withPolicy('MeshTimeout', spec), 'web-1')
  const table = snapshot.routeTables.find(({ name }) => name.startsWith('outbound'))
  test.same(table?.virtualHosts[0]?.routes[0]?.policies, [
    { kind: 'timeout', requestTimeoutMs: 15_000, streamIdleTimeoutMs: null, byPeer: [] },
  ])
  const cluster = snapshot.clusters.find(({ name }) => name === 'backend')
  test.match(cluster, { connectTimeoutMs: 5_000, idleTimeoutMs: 3_000 })
})
