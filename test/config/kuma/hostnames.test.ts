import t from 'tap'
import { explain } from '../../../config/explain/explain.ts'
import { compiledOf } from '../../support/kuma.ts'

/** Names of the three outbounds of a proxy: a MeshService, one from outside and one of several zones. */
const namesWith = (generators: string, labels = '{team: a}') => {
  const text = `
type: Dataplane
name: web-1
networking:
  address: 10.0.0.1
  outbound:
    - {port: 10001, backendRef: {kind: MeshService, name: s, port: 80}}
    - {port: 10002, backendRef: {kind: MeshService, name: s, port: 81}}
    - {port: 10003, backendRef: {kind: MeshExternalService, name: x}}
    - {port: 10004, backendRef: {kind: MeshMultiZoneService, name: m}}
---
type: MeshService
name: s
labels: ${labels}
spec: {selector: {dataplaneLabels: {matchLabels: {app: s}}}, ports: [{port: 80, appProtocol: http}, {port: 81, name: alt}]}
---
type: MeshExternalService
name: x
labels: ${labels}
spec: {match: {port: 80}, endpoints: [{address: 10.0.0.7, port: 80}]}
---
type: MeshMultiZoneService
name: m
labels: ${labels}
spec: {selector: {meshService: {matchLabels: {team: a}}}, ports: [{port: 80}]}
---
${generators}`
  return compiledOf(text, 'web-1')
}
const names = (generators: string, labels?: string) =>
  namesWith(generators, labels).outbounds.map(({ hostnames }) => hostnames.join(' '))
const generator = (selector: string, template: string) =>
  `type: HostnameGenerator\nname: g\nspec: {selector: ${selector}, template: '${template}'}\n`

const own = ['s.svc.mesh.local', 's.svc.mesh.local', 'x.extsvc.mesh.local', 'm.mzsvc.mesh.local']

const rows: readonly (readonly [
  title: string,
  generators: string,
  labels: string | undefined,
  names: readonly string[],
])[] = [
  ['without a generator there are the names that Kuma gives', '', undefined, own],
  [
    'what came from another zone has it in its name',
    '',
    '{kuma.io/origin: global, kuma.io/zone: east, kuma.io/display-name: d}',
    [
      'd.svc.east.mesh.local',
      'd.svc.east.mesh.local',
      'd.extsvc.east.mesh.local',
      'd.mzsvc.east.mesh.local',
    ],
  ],
  [
    'a generator adds a name to what it selects',
    generator('{meshService: {matchLabels: {team: a}}}', '{{ .Name }}.{{ .Mesh }}.internal'),
    undefined,
    ['s.default.internal s.svc.mesh.local', 's.default.internal s.svc.mesh.local', ...own.slice(2)],
  ],
  [
    'labels that differ are not selected',
    generator('{meshService: {matchLabels: {team: b}}}', '{{ .Name }}.internal'),
    undefined,
    own,
  ],
  [
    'each kind has a selector',
    generator(
      '{meshExternalService: {}, meshMultiZoneService: {matchLabels: {team: a}}}',
      '{{ label "team" }}-{{ .DisplayName }}.internal',
    ),
    undefined,
    [...own.slice(0, 2), 'a-x.internal x.extsvc.mesh.local', 'a-m.internal m.mzsvc.mesh.local'],
  ],
  [
    'a label that is not there gives no name',
    generator('{meshService: {}}', '{{ label "nobody" }}.internal'),
    undefined,
    own,
  ],
]

for (const [title, generators, labels, expected] of rows) {
  t.test(`hostnames: ${title}`, async (t) => {
    t.same(names(generators, labels), expected)
  })
}

t.test('hostnames: explain takes them, and tells ports apart', async (t) => {
  const compilation = namesWith('')
  const listener = (url: string) =>
    explain(compilation, { method: 'GET', url: new URL(url), headers: [] }).listener?.name ?? null
  t.equal(listener('http://s.svc.mesh.local/'), 'outbound:127.0.0.1:10001')
  t.equal(listener('http://s.svc.mesh.local:81/'), 'outbound:127.0.0.1:10002')
  t.equal(listener('http://m.mzsvc.mesh.local/'), 'outbound:127.0.0.1:10004')
  t.equal(listener('http://s.svc.mesh.local:82/'), null)
  t.equal(listener('http://other.svc.mesh.local/'), null)
})
