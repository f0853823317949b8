import t from 'tap'
import { formatProblem } from '../../../config/source.ts'
import { validate } from '../../../config/validate.ts'
import { compiledOf } from '../../support/kuma.ts'

/** A mesh of one proxy with these sections, and more documents. */
const meshOf = (sections: string, more = '', dataplane = '') => `type: Mesh
name: default
${sections}
---
type: Dataplane
name: web-1
networking:
  address: 10.0.0.1
  inbound: [{port: 8080, servicePort: 9080, tags: {kuma.io/service: web, team: a}}]
${dataplane}
---
${more}`

const metricsOf = (...parts: Parameters<typeof meshOf>) =>
  compiledOf(meshOf(...parts), 'web-1').settings.metrics

const prometheus = (conf: string, enabled = 'p') =>
  `metrics: {enabledBackend: ${enabled}, backends: [{name: p, type: prometheus, conf: ${conf}}]}`
const mtls = 'mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin}]}'

t.test(
  'Mesh metrics: the backend in use is where Prometheus scrapes, all of it shown',
  async (t) => {
    t.match(metricsOf(prometheus('{port: 1, path: /p}')), {
      prometheus: { address: '10.0.0.1', port: 1, path: '/p', tls: 'disabled' },
      sidecar: { profile: 'all', includeUnused: true },
    })
    t.equal(metricsOf(prometheus('{}', '""')).prometheus, null, 'none is in use')
    t.equal(metricsOf('').prometheus, null)
  },
)

t.test('Mesh metrics: secured by the mesh where mutual TLS is on', async (t) => {
  const tls = (conf: string) => metricsOf(`${mtls}\n${prometheus(conf)}`).prometheus?.tls
  t.equal(tls('{}'), 'mesh')
  t.equal(tls('{skipMTLS: true}'), 'disabled')
  t.equal(tls('{tls: {mode: providedTLS}}'), 'provided')
  t.equal(tls('{tls: {mode: disabled}}'), 'disabled')
})

t.test('Mesh metrics: applications are shown with ours, and a filter narrows ours', async (t) => {
  const conf =
    '{aggregate: [{name: a, port: 1}, {name: b, port: 2, path: /m, address: 10.0.0.9}, {name: c, port: 3, enabled: false}], envoy: {filterRegex: "http.*", usedOnly: true}}'
  t.match(metricsOf(prometheus(conf)), {
    applications: [
      { name: 'a', address: '10.0.0.1', port: 1, path: '/metrics' },
      { name: 'b', address: '10.0.0.9', port: 2, path: '/m' },
    ],
    sidecar: {
      profile: 'none',
      include: [{ kind: 'regex', value: 'http.*' }],
      includeUnused: false,
    },
  })
})

t.test('Mesh metrics: a Dataplane says it otherwise, a MeshMetric instead', async (t) => {
  const own = 'metrics: {type: prometheus, conf: {port: 2}}'
  t.match(metricsOf(prometheus('{port: 1, path: /p}'), '', own).prometheus, { port: 2, path: '/p' })
  const policy =
    'type: MeshMetric\nname: m\nspec: {default: {backends: [{type: Prometheus, prometheus: {port: 3}}]}}'
  t.match(metricsOf(prometheus('{port: 1, path: /p}'), policy, own), {
    prometheus: { port: 3, path: '/metrics' },
    sidecar: { profile: 'basic' },
  })
})

const constraints = (text: string) => `constraints: {dataplaneProxy: ${text}}`
const where = 'Dataplane/web-1 networking.inbound[0].tags'
const see = 'see constraints of Mesh/default'
const logging = 'it needs a TrafficLog, which is not read; use MeshAccessLog'

/** What is said of a section. */
const rows: readonly (readonly [section: string, said: readonly string[]])[] = [
  [constraints('{requirements: [{tags: {team: a}}]}'), []],
  [constraints('{requirements: [{tags: {team: b}}, {tags: {kuma.io/service: "*"}}]}'), []],
  [
    constraints('{requirements: [{tags: {team: b}}]}'),
    [`error ${where}: has the tags of no requirement; ${see}`],
  ],
  [
    constraints('{restrictions: [{tags: {team: a, kuma.io/service: "*"}}]}'),
    [`error ${where}: has the tags of a restriction; ${see}`],
  ],
  [constraints('{restrictions: [{tags: {team: a, other: x}}]}'), []],
  [
    prometheus('{}', 'q'),
    ['error Mesh/default metrics.enabledBackend: must name one of metrics.backends (p)'],
  ],
  [
    prometheus('{envoy: {filterRegex: "("}}'),
    [
      'error Mesh/default metrics.backends[0].conf.envoy.filterRegex: is not a regular expression: Unterminated group',
    ],
  ],
  [
    'logging: {defaultBackend: l, backends: [{name: l, type: file, conf: {path: /tmp/l}}]}',
    [`warning Mesh/default logging: has no effect here; ${logging}`],
  ],
  [
    'tracing: {defaultBackend: t}',
    [
      'warning Mesh/default tracing: has no effect here; it needs a TrafficTrace, which is not read; use MeshTrace',
    ],
  ],
  [
    'networking: {outbound: {passthrough: false}}',
    [
      'warning Mesh/default networking.outbound.passthrough: has no effect on Dataplane/web-1, whose traffic is not intercepted; give Dataplane/web-1 networking.transparentProxying',
    ],
  ],
  [
    'routing: {localityAwareLoadBalancing: true, zoneEgress: true}',
    ['warning Mesh/default routing.zoneEgress: has no effect here; there is no zone egress'],
  ],
]
for (const [section, said] of rows) {
  t.test(`Mesh ${section}`, async (t) => {
    const directory = t.testdir({ 'mesh.yaml': meshOf(section) })
    const lines = validate([directory]).problems.map((problem) => formatProblem(problem))
    t.same(
      lines.map((line) => line.replace(/^\S+ /, '')),
      said,
    )
  })
}
