import t from 'tap'
import { formatProblem } from '../../../config/source.ts'
import { validate } from '../../../config/validate.ts'
import { compiledOf, complaintsOf } from '../../support/kuma.ts'
import { transparentMesh } from '../../support/transparent.ts'

const both = 'redirectPortInbound: 15006, redirectPortOutbound: 15001'
const outboundsOf = (transparent = both): readonly string[] =>
  compiledOf(transparentMesh('', transparent), 'web-1')
    .snapshot.listeners.filter(({ name }) => /^outbound:(?!pass)/.test(name))
    .map(({ name, socket }) => `${name} ${socket.kind}`)

t.test('outbounds: services have virtual listeners at their virtual addresses', async (t) => {
  t.same(outboundsOf(), [
    'outbound:127.0.0.1:10001 bound',
    'outbound:240.0.0.1:80 virtual',
    'outbound:241.0.0.1:80 virtual',
    'outbound:241.0.0.1:81 virtual',
    'outbound:fd00:fd00::1:80 virtual',
    'outbound:fd00:fd00::1:81 virtual',
    'outbound:242.0.0.1:443 virtual',
  ])
})

const listed = ['outbound:127.0.0.1:10001 bound', 'outbound:240.0.0.1:80 virtual']
const rows: readonly (readonly [string, readonly string[]])[] = [
  ['reachableBackends: {}', []],
  ['reachableBackends: {refs: []}', []],
  [
    'reachableBackends: {refs: [{kind: MeshExternalService, name: outside}]}',
    ['outbound:242.0.0.1:443 virtual'],
  ],
  [
    'reachableBackends: {refs: [{kind: MeshService, labels: {team: shop}, port: 81}]}',
    ['outbound:241.0.0.1:81 virtual', 'outbound:fd00:fd00::1:81 virtual'],
  ],
  [
    'reachableBackends: {refs: []}, directAccessServices: [backend]',
    ['outbound:10.0.0.2:8080 virtual'],
  ],
  [
    "reachableBackends: {refs: []}, directAccessServices: ['*']",
    ['outbound:10.0.0.2:8080 virtual'],
  ],
  ['reachableBackends: {refs: []}, directAccessServices: [other]', []],
]
for (const [more, added] of rows) {
  t.test(`outbounds: ${more}`, async (t) => {
    t.same(outboundsOf(`${both}, ${more}`), [...listed, ...added])
  })
}

t.test('outbounds: a proxy called by its own address is that one alone', async (t) => {
  const text = transparentMesh('', `${both}, directAccessServices: [backend]`)
  const { endpoints } = compiledOf(text, 'web-1').snapshot
  const group = endpoints.find(({ name }) => name === 'direct_access_10.0.0.2:8080')
  t.match(group?.localities, [{ endpoints: [{ host: '10.0.0.2', port: 8_080 }] }])
})

t.test('outbounds: without interception virtual addresses are nobody’s', async (t) => {
  const { snapshot } = compiledOf(
    transparentMesh().replace(/^ *- \{address: 240.*\n/m, ''),
    'backend-1',
  )
  t.same(
    snapshot.listeners.map(({ name }) => name),
    ['inbound:10.0.0.2:8080'],
  )
})

t.test('outbounds: a virtual address belongs to whom it was given first', async (t) => {
  const rival = `type: MeshService
name: rival
spec: {selector: {dataplaneTags: {kuma.io/service: backend}}, ports: [{port: 80, targetPort: 8080}]}
status: {vips: [{ip: 241.0.0.1}]}
`
  t.match(complaintsOf(transparentMesh(rival, both), 'web-1'), [
    /MeshService\/rival status.vips: 241.0.0.1:80 is that of another already/,
  ])
})

t.test('outbounds: what may be called and is not there is reported', async (t) => {
  const more =
    'reachableBackends: {refs: [{kind: MeshService, name: backen}]}, directAccessServices: [backen]'
  const directory = t.testdir({ 'mesh.yaml': transparentMesh('', `${both}, ${more}`) })
  t.match(validate([directory]).problems.map(formatProblem), [
    /refs\[0\].name: no MeshService backen is known; did you mean "backend"/,
    /directAccessServices\[0\]: no Dataplane provides backen; did you mean "backend"/,
  ])
})
