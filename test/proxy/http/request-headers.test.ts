import t from 'tap'
import { header } from '../../../proxy/headers.ts'
import { prepareRequest } from '../../../proxy/http/request-headers.ts'
import type { HttpFilter } from '../../../proxy/model/listener.ts'
import { connection, exchange, httpPlan } from '../../support/exchange.ts'

/** The fields that are read of a request with these, as the next hop gets them. */
function sent(over: Partial<HttpFilter>, requestHeaders: readonly string[], ...names: string[]) {
  const x = exchange({ requestHeaders: [...requestHeaders] })
  prepareRequest(x, httpPlan(over))
  const read = (name: string) => header(x.requestHeaders, name)
  return { own: x.connection.remoteAddress, values: names.map(read) }
}

const chain = ['X-Forwarded-For', '10.0.0.1, 10.0.0.2']

t.test('request headers: an edge says who called, and who called before', (t) => {
  const names = ['x-forwarded-for', 'x-envoy-external-address']
  const none = sent({ internal: false }, [], ...names)
  t.same(none.values, [none.own, none.own])
  const some = sent({ internal: false }, chain, ...names)
  t.same(some.values, [`10.0.0.1, 10.0.0.2,${some.own}`, some.own])
  const trusting = sent({ internal: false, trustedHops: 2 }, chain, ...names)
  t.equal(trusting.values[1], '10.0.0.1')
  const fewer = sent({ internal: false, trustedHops: 3 }, chain, ...names)
  t.equal(fewer.values[1], fewer.own, 'nobody trusted has said it')
  t.end()
})

t.test('request headers: who asked first is an address that a trusted hop has said', async (t) => {
  const caller = (over: Partial<HttpFilter>, ...lists: string[]) => {
    const requestHeaders = lists.flatMap((list) => ['X-Forwarded-For', list])
    const x = exchange({ requestHeaders, connection: connection({ remoteAddress: '9.9.9.9' }) })
    prepareRequest(x, httpPlan(over))
    return x.callerAddress
  }
  const list = '1.1.1.1, ::2,3.3.3.3'
  for (const internal of [true, false]) {
    t.equal(caller({ internal }), '9.9.9.9')
    t.equal(caller({ internal }, '1.1.1.1, nobody'), '9.9.9.9')
  }
  t.equal(caller({ internal: true }, list), '3.3.3.3')
  t.equal(caller({ internal: true }, '1.1.1.1', '2.2.2.2'), '2.2.2.2')
  t.equal(caller({ internal: true, trustedHops: 1 }, list), '::2')
  t.equal(caller({ internal: true, trustedHops: 3 }, list), '9.9.9.9')
  t.equal(caller({ internal: false }, list), '9.9.9.9')
  t.equal(caller({ internal: false, trustedHops: 1 }, list), '3.3.3.3')
  t.equal(caller({ internal: false, trustedHops: 2 }, list), '::2')
  t.equal(caller({ internal: false, trustedHops: 4 }, list), '9.9.9.9')
})

t.test('request headers: the port of the authority goes where it is to be left out', (t) => {
  const left = (stripPort: HttpFilter['stripPort'], authority: string, method = 'GET') => {
    const x = exchange({ authority, method })
    prepareRequest(x, httpPlan({ stripPort }))
    return x.authority
  }
  const own = exchange({}).connection.localPort
  t.equal(left('never', 'a.test:80'), 'a.test:80')
  t.equal(left('any', 'a.test:80'), 'a.test')
  t.equal(left('any', '[::1]:80'), '[::1]')
  t.equal(left('any', 'a.test:b'), 'a.test:b')
  t.equal(left('any', 'a.test:80', 'CONNECT'), 'a.test:80')
  t.equal(left('matching', `a.test:${own}`), 'a.test')
  t.equal(left('matching', `a.test:${own + 1}`), `a.test:${own + 1}`)
  t.end()
})

t.test('request headers: the scheme is that of somebody trusted', (t) => {
  const said = ['x-forwarded-proto', 'https']
  const proto = (over: Partial<HttpFilter>) => sent(over, said, 'x-forwarded-proto').values[0]
  t.equal(proto({ internal: false }), 'http')
  t.equal(proto({ internal: false, trustedHops: 1 }), 'https')
  t.equal(proto({ internal: true }), 'https')
  t.end()
})

t.test(
  'request headers: a sidecar passes on what others say, but not that they are inside',
  (t) => {
    const said = [...chain, 'x-envoy-internal', 'true', 'x-envoy-original-path', '/a']
    const names = ['x-forwarded-for', 'x-envoy-internal', 'x-envoy-original-path']
    t.same(sent({ internal: true }, said, ...names).values, ['10.0.0.1, 10.0.0.2', null, '/a'])
    t.same(sent({ internal: false }, said, ...names).values.slice(1), [null, null])
    t.end()
  },
)
