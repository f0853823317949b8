import t from 'tap'
import { checkPeerMatch, compilePeerMatch } from '../../proxy/peer-match.ts'
import { newProblems } from '../../proxy/problems.ts'
import { connection, tlsOf } from '../support/exchange.ts'

const test = (peer: unknown) => {
  const problems = newProblems()
  const match = checkPeerMatch({ peer }, '', problems)
  t.same(problems.list, [])
  return compilePeerMatch(match)
}
const web = connection({ tls: tlsOf(['spiffe://default/web'], 'a.mesh') })
const anonymous = connection({ tls: tlsOf([]) })
const plain = connection()

t.test('peer match: null is everyone', (t) => {
  for (const peer of [undefined, null, {}]) {
    t.same([web, anonymous, plain].map(test(peer)), [true, true, true])
  }
  t.end()
})

t.test('peer match: who has no identity or server name matches no part that asks for one', (t) => {
  t.same([web, anonymous, plain].map(test({ uriSans: [{ kind: 'prefix', value: '' }] })), [
    true,
    false,
    false,
  ])
  t.same([web, anonymous, plain].map(test({ sni: { kind: 'prefix', value: '' } })), [
    true,
    false,
    false,
  ])
  t.end()
})

t.test('peer match: every part must match', (t) => {
  t.ok(test({ uriSans: ['spiffe://default/web'], sni: 'a.mesh' })(web))
  t.notOk(test({ uriSans: ['spiffe://default/web'], sni: 'b.mesh' })(web))
  t.notOk(test({ uriSans: ['spiffe://default/api'], sni: 'a.mesh' })(web))
  t.end()
})
