import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

function limitsOf(spec: string, protocol = 'http') {
  const { snapshot } = compiledOf(withPolicy('MeshRateLimit', spec, protocol), 'backend-1')
  const policies = snapshot.listeners[0]?.filterChains[0]?.filter.policies ?? []
  return policies.flatMap((policy) => (policy.kind === 'rate_limit' ? policy.limits : []))
}

const http = (conf: string) => `{local: {http: ${conf}}}`
const rate = (num: number) => `requestRate: {num: ${num}, interval: 1s}`
const limit = (tokens: number | null, peer: object | null) => ({
  tokens,
  fill: tokens ?? 1,
  intervalMs: 1_000,
  status: 429,
  headers: [],
  peer,
})

t.test('mesh-rate-limit: one bucket for everyone', async (test) => {
  const conf = http(
    `{${rate(5)}, onRateLimit: {status: 503, headers: {set: [{name: a, value: b}], add: [{name: c, value: d}]}}}`,
  )
  test.same(limitsOf(`{from: [{targetRef: {kind: Mesh}, default: ${conf}}]}`), [
    {
      ...limit(5, null),
      status: 503,
      headers: [
        { op: 'set', name: 'a', value: 'b' },
        { op: 'add', name: 'c', value: 'd' },
      ],
    },
  ])
})

t.test('mesh-rate-limit: connections of a TCP inbound', async (test) => {
  const conf = '{local: {tcp: {connectionRate: {num: 3, interval: 500ms}}}}'
  const spec = `{rules: [{default: ${conf}}]}`
  test.same(limitsOf(spec, 'tcp'), [{ ...limit(3, null), intervalMs: 500 }])
  test.same(limitsOf(spec, 'http'), [])
})

t.test('mesh-rate-limit: a rule for a caller stands on what holds for everyone', async (test) => {
  const spec = `{rules: [{default: ${http(`{${rate(5)}, onRateLimit: {status: 503}}`)}},
    {matches: [{spiffeID: {type: Prefix, value: "spiffe://a/"}}], default: ${http(`{${rate(6)}}`)}},
    {matches: [{spiffeID: {type: Exact, value: "spiffe://a/b"}}], default: ${http('{onRateLimit: {status: 500}}')}}]}`
  const id = (kind: string, value: string) => ({
    uriSans: [{ kind, value, ignoreCase: false }],
    sni: null,
  })
  test.same(limitsOf(spec), [
    { ...limit(6, id('exact', 'spiffe://a/b')), status: 500 },
    { ...limit(6, id('prefix', 'spiffe://a/')), status: 503 },
    { ...limit(5, null), status: 503 },
  ])
})

t.test('mesh-rate-limit: disabled is none', async (test) => {
  const conf = http(`{disabled: true, ${rate(5)}}`)
  test.same(limitsOf(`{rules: [{default: ${conf}}]}`), [])
  const spec = `{rules: [{default: ${http(`{${rate(5)}}`)}},
    {matches: [{spiffeID: {type: Exact, value: "spiffe://a/b"}}], default: ${conf}}]}`
  test.match(limitsOf(spec), [{ tokens: null, peer: { uriSans: [{}] } }, limit(5, null)])
})
