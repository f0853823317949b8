import fc from 'fast-check'
import t from 'tap'
import { rbacConfig } from '../../../config/xds/filters/rbac.ts'
import { rbac } from '../../../proxy/policies/rbac.ts'
import { connection, exchange, httpPlan, tlsOf } from '../../support/exchange.ts'
import { extension } from '../../support/listeners.ts'
import { alive } from '../../support/policy.ts'
import { translation } from '../../support/translation.ts'

/** A predicate as a tree, and what it says of a caller. */
type Tree =
  | { readonly uri: string }
  | { readonly sni: string }
  | { readonly or: readonly Tree[] }
  | { readonly and: readonly Tree[] }
  | { readonly not: Tree }

interface Caller {
  readonly uris: readonly string[]
  readonly sni: string | null
}

function holds(tree: Tree, caller: Caller): boolean {
  if ('uri' in tree) return caller.uris.includes(tree.uri)
  if ('sni' in tree) return caller.sni === tree.sni
  if ('or' in tree) return tree.or.some((one) => holds(one, caller))
  if ('and' in tree) return tree.and.every((one) => holds(one, caller))
  return !holds(tree.not, caller)
}

const uriSan = extension('envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput')
const serverName = extension('envoy.extensions.matching.common_inputs.network.v3.ServerNameInput')
const single = (input: object, exact: string) => ({
  single_predicate: { input, value_match: { exact } },
})

function predicateOf(tree: Tree): object {
  if ('uri' in tree) return single(uriSan, tree.uri)
  if ('sni' in tree) return single(serverName, tree.sni)
  if ('or' in tree) return { or_matcher: { predicate: tree.or.map(predicateOf) } }
  if ('and' in tree) return { and_matcher: { predicate: tree.and.map(predicateOf) } }
  return { not_matcher: predicateOf(tree.not) }
}

const uris = ['spiffe://a', 'spiffe://b', 'spiffe://c']
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ uri: fc.constantFrom(...uris) }),
    fc.record({ sni: fc.constantFrom('x.mesh') }),
    fc.record({ or: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ and: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('tree') }),
  ),
}))
const entries = fc.array(fc.record({ tree, deny: fc.boolean() }), { minLength: 1, maxLength: 4 })
const callers = fc.record({
  uris: fc.subarray(uris, { minLength: 1 }),
  sni: fc.constantFrom(null, 'x.mesh', 'y.mesh'),
})

const verdict = (deny: boolean) => ({
  action: extension('envoy.config.rbac.v3.Action', {
    name: 'a',
    ...(deny ? { action: 'DENY' } : {}),
  }),
})

t.test('xds rbac: rules decide as the matcher they were made of, for every caller', async (t) => {
  let judged = 0
  fc.assert(
    fc.property(entries, callers, fc.boolean(), (list, caller, denyRest) => {
      const matcher = {
        matcher_list: {
          matchers: list.map((one) => ({
            predicate: predicateOf(one.tree),
            on_match: verdict(one.deny),
          })),
        },
        on_no_match: verdict(denyRest),
      }
      const type = 'envoy.extensions.filters.http.rbac.v3.RBAC'
      const { value, said } = translation(type, { matcher }, rbacConfig)
      // All server names but one cannot be said: refused, which lets nobody in either.
      if (said.length > 0 || value === null) return
      judged += 1
      const denied = list.find((one) => holds(one.tree, caller))?.deny ?? denyRest
      const tls = tlsOf(caller.uris, caller.sni)
      const x = exchange({ connection: connection({ tls }), plan: httpPlan() })
      const hooks = alive(rbac, { ...value })
      t.equal(hooks.request?.(x), denied ? 'replied' : 'continue')
    }),
    { numRuns: 500 },
  )
  t.ok(judged > 100)
})
