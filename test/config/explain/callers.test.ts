import t from 'tap'
import { explain } from '../../../config/explain/explain.ts'
import { neighboursOf } from '../../../config/explain/neighbours.ts'
import { formatExplanation } from '../../../config/explain/text.ts'
import { compile } from '../../../config/kuma/compile.ts'
import { newLoader } from '../../../config/kuma/load.ts'
import { compiledOf, resourcesOf, smallMesh } from '../../support/kuma.ts'

const secured = (protocol = 'http', mode = 'STRICT') =>
  smallMesh(protocol).replace(
    'name: default\n',
    `name: default\nmtls: {enabledBackend: ca, backends: [{name: ca, type: builtin, mode: ${mode}}]}\n`,
  )
const permission = (name: string, spec: string) =>
  `---\ntype: MeshTrafficPermission\nname: ${name}\nspec: ${spec}\n`
const from = (action: string, ref: string) =>
  `{from: [{targetRef: ${ref}, default: {action: ${action}}}]}`
const service = (name: string) => `{kind: MeshService, name: ${name}}`
const rules = (conf: string) => `{rules: [{default: ${conf}}]}`
const id = (value: string, type = 'Exact') =>
  `{spiffeID: {type: ${type}, value: "spiffe://${value}"}}`

const question = (url: string) => ({ method: 'GET', url: new URL(url), headers: [] })
const inside = question('http://10.0.0.1:8080/')
const outside = question('http://127.0.0.1:10001/')

const rows: readonly (readonly [mesh: string, summary: string, action: string])[] = [
  [smallMesh(), 'everybody', 'forward'],
  [
    secured(),
    'nobody may call: 403 (no MeshTrafficPermission allows anybody)',
    'answer 403: nobody may call (UAEX)',
  ],
  [
    secured('tcp'),
    'nobody may call: the connection is closed (no MeshTrafficPermission allows anybody)',
    'close the connection: nobody may call',
  ],
  [
    secured('http', 'PERMISSIVE'),
    'nobody may call: 403 (no MeshTrafficPermission allows anybody); without mutual TLS: everybody',
    'forward',
  ],
  [
    secured() + permission('a', from('Deny', '{kind: Mesh}')),
    'nobody may call: 403',
    'answer 403: nobody may call (UAEX)',
  ],
  [
    secured() + permission('a', from('Allow', '{kind: Mesh}')),
    'may call: everybody (with a certificate of spiffe://default/*)',
    'forward',
  ],
  [
    secured() +
      permission('a', from('Allow', service('frontend'))) +
      permission('b', from('Allow', service('admin'))),
    'may call: spiffe://default/frontend, spiffe://default/admin; all others: 403',
    'forward',
  ],
  [
    secured() +
      permission('a', from('Allow', '{kind: Mesh}')) +
      permission('b', from('Deny', service('guest'))),
    'may call: everybody, but not spiffe://default/guest: 403 (with a certificate of spiffe://default/*)',
    'forward',
  ],
  [
    secured() +
      permission('a', rules(`{allow: [${id('default/', 'Prefix')}], deny: [${id('default/x')}]}`)),
    'may call: spiffe://default/*, but not spiffe://default/x; all others: 403',
    'forward',
  ],
  [
    secured() +
      permission('a', rules(`{allow: [${id('default/x')}], deny: [${id('default/', 'Prefix')}]}`)),
    'nobody may call: 403',
    'answer 403: nobody may call (UAEX)',
  ],
]
for (const [mesh, summary, action] of rows) {
  t.test(`explain: at an inbound: ${summary}`, async (test) => {
    const explanation = explain(compiledOf(mesh, 'web-1'), inside)
    test.equal(explanation.callers?.summary, summary)
    test.match(explanation.action, action)
  })
}

t.test('explain: a permission is shown with the resource it comes from', async (test) => {
  const mesh = secured() + permission('p', from('Allow', service('frontend')))
  test.match(
    formatExplanation(explain(compiledOf(mesh, 'web-1'), inside)),
    'callers   may call: spiffe://default/frontend; all others: 403\n  allow spiffe://default/frontend   from MeshTrafficPermission/p (mesh.yaml)\n',
  )
})

const asked = (mesh: string) =>
  explain(compiledOf(mesh, 'web-1'), outside, neighboursOf(resourcesOf(mesh), 'default'))
const every = '; every endpoint answers 403: spiffe://default/web may not call there'

const calls: readonly (readonly [what: string, mesh: string, action: string, refusals: number])[] =
  [
    ['without mutual TLS', smallMesh(), 'forward', 0],
    ['without a permission', secured(), `forward${every}`, 2],
    [
      'without a permission, by bytes',
      secured('tcp'),
      'forward the bytes of the connection; every endpoint closes it: spiffe://default/web may not call there',
      2,
    ],
    ['allowed', secured() + permission('p', from('Allow', service('web'))), 'forward', 0],
    [
      'while another is allowed',
      secured() + permission('p', from('Allow', service('x'))),
      `forward${every}`,
      2,
    ],
    [
      'allowed at one of two endpoints',
      secured() +
        permission(
          'p',
          `{targetRef: {kind: Dataplane, name: backend-1}, from: [{targetRef: ${service('web')}, default: {action: Allow}}]}`,
        ),
      'forward',
      1,
    ],
    [
      'allowed by a tag that only the certificate shows',
      secured() + permission('p', from('Allow', '{kind: MeshSubset, tags: {team: a}}')),
      'forward',
      0,
    ],
  ]
for (const [what, mesh, action, refusals] of calls) {
  t.test(`explain: at an outbound, ${what}`, async (test) => {
    const explanation = asked(mesh)
    test.equal(explanation.callers, null)
    test.equal(explanation.action, action)
    test.equal(explanation.clusters[0]?.refusals.length, refusals)
  })
}

t.test('explain: who is not looked at may let us in', async (test) => {
  test.equal(explain(compiledOf(secured(), 'web-1'), outside).action, 'forward')
})

t.test('explain: in the demo the gateway may not call the backend', async (test) => {
  const { resources } = newLoader().load(['config/demo'])
  const { compilation } = compile(resources, 'default', 'gateway-1')
  const neighbours = neighboursOf(resources, 'default')
  const ask = (url: string) => explain(compilation!, question(url), neighbours)
  test.equal(ask('http://127.0.0.1:10001/').action, 'forward')
  const refused = ask('http://127.0.0.1:10003/')
  test.equal(refused.action, `forward${every.replace('web', 'gateway')}`)
  test.match(
    formatExplanation(refused),
    '127.0.0.1:20091   refuses us; may call: spiffe://default/frontend; all others: 403, by MeshTrafficPermission/frontend-to-backend (config/demo/permissions.yaml)',
  )
})
