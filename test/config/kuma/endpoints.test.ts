import t from 'tap'
import { compiledOf } from '../../support/kuma.ts'

const peer = (name: string, zone: string, tags = '') => `---
type: Dataplane
name: ${name}
networking:
  address: ${name}.test
  inbound: [{port: 80, servicePort: 81, tags: {kuma.io/service: backend, kuma.io/zone: ${zone}${tags}}}]
`
const mesh = (routing: string, strategy: string) => `
type: Mesh
name: default
routing: ${routing}
---
type: Dataplane
name: web-1
labels: {kuma.io/zone: east, node: n1, rack: r1}
networking:
  address: 10.0.0.1
  outbound: [{port: 10001, tags: {kuma.io/service: backend}}]
${peer('e1', 'east', ', node: n1')}${peer('e2', 'east', ', rack: r1')}${peer('e3', 'east')}${peer('w1', 'west')}${peer('s1', 'south')}
${strategy === '' ? '' : `---\ntype: MeshLoadBalancingStrategy\nname: p\nspec: {to: [{targetRef: {kind: Mesh}, default: {localityAwareness: ${strategy}}}]}`}
`

/** `priority zone subZone weight: hosts` for each locality, and the overprovisioning. */
function places(routing: string, strategy = '') {
  const group = compiledOf(mesh(routing, strategy), 'web-1').snapshot.endpoints[0]
  const lines = (group?.localities ?? []).map(
    ({ priority, zone, subZone, weight, endpoints }) =>
      `${priority} ${zone}${subZone === '' ? '' : ` ${subZone}`}${weight === 0 ? '' : ` x${weight}`}: ${endpoints.map(({ host }) => host.replace('.test', '')).join(' ')}`,
  )
  return [...lines, group?.overprovisioningPercent]
}

const rows: readonly (readonly [
  title: string,
  routing: string,
  strategy: string,
  lines: readonly unknown[],
])[] = [
  ['all zones are equal', '{}', '', ['0 east: e1 e2 e3', '0 west: w1', '0 south: s1', 140]],
  [
    'Mesh.routing puts other zones second',
    '{localityAwareLoadBalancing: true}',
    '',
    ['0 east: e1 e2 e3', '1 west: w1', '1 south: s1', 140],
  ],
  [
    'a disabled strategy makes all equal again',
    '{localityAwareLoadBalancing: true}',
    '{disabled: true}',
    ['0 east: e1 e2 e3', '0 west: w1', '0 south: s1', 140],
  ],
  ['a strategy without failover keeps to the zone', '{}', '{}', ['0 east: e1 e2 e3', 200]],
  [
    'failover to any zone',
    '{}',
    '{crossZone: {failover: [{to: {type: Any}}]}}',
    ['0 east: e1 e2 e3', '1 west: w1', '1 south: s1', 200],
  ],
  [
    'failover zone by zone',
    '{}',
    '{crossZone: {failover: [{to: {type: Only, zones: [south]}}, {to: {type: Any}}]}}',
    ['0 east: e1 e2 e3', '1 south: s1', '2 west: w1', 200],
  ],
  [
    'failover to any but one',
    '{}',
    '{crossZone: {failover: [{to: {type: AnyExcept, zones: [west]}}]}}',
    ['0 east: e1 e2 e3', '1 south: s1', 200],
  ],
  [
    'rules for other zones do not count',
    '{}',
    '{crossZone: {failover: [{from: {zones: [west]}, to: {type: Any}}, {from: {zones: [east]}, to: {type: Only, zones: [west]}}]}}',
    ['0 east: e1 e2 e3', '1 west: w1', 200],
  ],
  [
    'a failover to none',
    '{}',
    '{crossZone: {failover: [{to: {type: None}}]}}',
    ['0 east: e1 e2 e3', 200],
  ],
  [
    'the share at which another zone helps',
    '{}',
    '{crossZone: {failover: [{to: {type: Any}}], failoverThreshold: {percentage: 70}}}',
    ['0 east: e1 e2 e3', '1 west: w1', '1 south: s1', 142],
  ],
  [
    'near endpoints weigh more',
    '{}',
    '{localZone: {affinityTags: [{key: node}, {key: rack}]}}',
    ['0 east node=n1 x90: e1', '0 east rack=r1 x9: e2', '0 east x1: e3', 200],
  ],
  [
    'weights may be given',
    '{}',
    '{localZone: {affinityTags: [{key: node, weight: 7}]}}',
    ['0 east node=n1 x7: e1', '0 east x1: e2 e3', 200],
  ],
]

for (const [title, routing, strategy, lines] of rows) {
  t.test(`endpoints: ${title}`, async (test) => {
    test.same(places(routing, strategy), lines)
  })
}
