import t from 'tap'
import { compiledOf, smallMesh } from '../../../support/kuma.ts'

const mtls = smallMesh().replace(
  "skipCreatingInitialPolicies: ['*']",
  "skipCreatingInitialPolicies: ['*']\nmtls: {enabledBackend: ca, backends: [{name: ca, type: builtin, mode: PERMISSIVE}]}",
)

/** The RBAC policies of the chains of `backend-1`. */
function chains(policies: string) {
  const { snapshot } = compiledOf(mtls + policies, 'backend-1')
  return (snapshot.listeners[0]?.filterChains ?? []).map(({ name, filter }) => [
    name,
    filter.policies.find(({ kind }) => kind === 'rbac') ?? null,
  ])
}

/** `action name: uriSans sni` for each rule of the mutual TLS chain. */
function rules(policies: string): readonly string[] {
  const rbac = chains(policies)[0]?.[1]
  if (rbac === null || typeof rbac !== 'object' || rbac.kind !== 'rbac') throw new Error('no rbac')
  return rbac.rules.map(({ action, name, match }) => {
    if ('kind' in match) throw new Error('Kuma speaks of names alone')
    const ids = match.uriSans.map(({ kind, value }) => `${kind} ${value}`)
    const sni = match.sni === null ? [] : [`sni ${match.sni.value}`]
    return `${action} ${name}: ${[...ids, ...sni].join(', ') || 'all'}`
  })
}

const policy = (name: string, spec: string) =>
  `---\ntype: MeshTrafficPermission\nname: ${name}\nspec: ${spec}\n`
const from = (ref: string, action: string) => `{targetRef: ${ref}, default: {action: ${action}}}`

t.test(
  'mesh-traffic-permission: without a policy nobody may call, on mutual TLS only',
  async (test) => {
    test.same(chains(''), [
      ['mtls', { kind: 'rbac', plaintext: 'deny', rules: [] }],
      ['tls', null],
      ['raw', null],
    ])
  },
)

t.test('mesh-traffic-permission: from names callers by service, tags and mesh', async (test) => {
  const spec = `{from: [${from('{kind: Mesh}', 'Deny')},
    ${from('{kind: MeshSubset, tags: {version: v1}}', 'AllowWithShadowDeny')},
    ${from('{kind: MeshService, name: web}', 'Allow')},
    ${from('{kind: MeshServiceSubset, name: web, tags: {version: v2}}', 'Deny')}]}`
  test.same(rules(policy('p', spec)), [
    'deny p: exact spiffe://default/web, exact kuma://version/v2',
    'allow p: exact spiffe://default/web',
    'allow_with_shadow_deny p: exact kuma://version/v1',
    'deny p: all',
  ])
})

t.test('mesh-traffic-permission: the more important policy decides first', async (test) => {
  const wide = policy('wide', `{from: [${from('{kind: MeshService, name: web}', 'Allow')}]}`)
  const narrow = policy(
    'narrow',
    `{targetRef: {kind: MeshService, name: backend}, from: [${from('{kind: Mesh}', 'Deny')}]}`,
  )
  const wanted = ['deny narrow: all', 'allow wide: exact spiffe://default/web']
  test.same(rules(wide + narrow), wanted)
  test.same(rules(narrow + wide), wanted)
})

t.test('mesh-traffic-permission: a policy for others does not hold', async (test) => {
  const other = `{targetRef: {kind: MeshService, name: web}, from: [${from('{kind: Mesh}', 'Allow')}]}`
  test.same(rules(policy('p', other)), [])
})

t.test('mesh-traffic-permission: rules deny, then shadow, then allow', async (test) => {
  const spec = `{rules: [{default: {
    allow: [{spiffeID: {type: Prefix, value: "spiffe://default/"}}],
    deny: [{spiffeID: {type: Exact, value: "spiffe://default/x"}, sni: {type: Exact, value: s}}],
    allowWithShadowDeny: [{spiffeID: {type: Exact, value: "spiffe://default/y"}}]}}]}`
  const more = '{rules: [{default: {allow: [{sni: {type: Exact, value: z}}]}}]}'
  test.same(rules(policy('b', spec) + policy('a', more)), [
    'deny b: exact spiffe://default/x, sni s',
    'allow_with_shadow_deny b: exact spiffe://default/y',
    'allow b: prefix spiffe://default/',
    'allow a: sni z',
  ])
})

t.test('mesh-traffic-permission: a denial of one generation wins over the other', async (test) => {
  const old = policy('old', `{from: [${from('{kind: MeshService, name: web}', 'Deny')}]}`)
  const all = '{rules: [{default: {allow: [{spiffeID: {type: Prefix, value: "spiffe://"}}]}}]}'
  test.same(rules(old + policy('new', all)), [
    'deny old: exact spiffe://default/web',
    'allow new: prefix spiffe://',
  ])
})
