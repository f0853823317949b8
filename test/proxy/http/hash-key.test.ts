import t from 'tap'
import type { HashPolicy } from '../../../proxy/model/route.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import {
  cluster,
  endpoints,
  forwardTo,
  route,
  routeTable,
  snapshot,
} from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

const ring = { kind: 'ring_hash', hash: 'xx_hash', minRingSize: 1024, maxRingSize: 4096 } as const

async function lab(t: Parameters<typeof origin>[0], hashPolicies: readonly HashPolicy[]) {
  const apps = await Promise.all(
    ['one', 'two', 'three'].map((name) => origin(t, ({ socket }) => void socket.write(ok(name)))),
  )
  const clock = fakeClock()
  const proxy = await runProxy(
    t,
    snapshot({
      clusters: [cluster({ balancer: ring })],
      endpoints: [endpoints('app', ...apps.map(({ port }) => port))],
      routeTables: [routeTable([route({ action: { ...forwardTo('app'), hashPolicies } })])],
    }),
    clock,
  )
  const ask = async (fields = '', path = '/'): Promise<{ head: string; app: string }> => {
    const caller = await rawClient(t, proxy.port(), false)
    caller.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`)
    const text = await caller.closed()
    while (proxy.http().counters.downstream_cx_active > 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const at = text.indexOf('\r\n\r\n')
    return { head: text.slice(0, at), app: text.slice(at + 4) }
  }
  return { clock, ask }
}

t.test('hash key: a cookie is made for those who have none, and leads back', async (t) => {
  const { clock, ask } = await lab(t, [
    { kind: 'cookie', name: 'stick', ttlMs: 90_500, path: '/shop', terminal: false },
  ])
  const apps = new Set<string>()
  for (let i = 0; i < 12; i += 1) {
    clock.setRandom([(i + 1) / 13, (i + 3) / 17])
    const first = await ask()
    const [, cookie] =
      /\r\nset-cookie: (stick="[0-9a-f]{16}"); Max-Age=91; Path=\/shop; HttpOnly/.exec(
        first.head,
      ) ?? []
    t.ok(cookie)
    const again = await ask(`Cookie: a=b; ${cookie}\r\n`)
    t.equal(again.app, first.app)
    t.notMatch(again.head, /set-cookie/)
    apps.add(first.app)
  }
  t.ok(apps.size > 1)
})

t.test('hash key: a session cookie has no age, one without a life is never made', async (t) => {
  const session = await lab(t, [{ kind: 'cookie', name: 's', ttlMs: 0, path: '', terminal: false }])
  t.match((await session.ask()).head, /\r\nset-cookie: s="[0-9a-f]{16}"; HttpOnly(\r\n|$)/)
  const never = await lab(t, [
    { kind: 'cookie', name: 's', ttlMs: null, path: '', terminal: false },
  ])
  t.notMatch((await never.ask()).head, /set-cookie/)
})

t.test('hash key: header, query and source address keep to an endpoint', async (t) => {
  for (const [policy, fields, path] of [
    [{ kind: 'header', name: 'x-user', terminal: false }, 'X-User: 7\r\n', '/'],
    [{ kind: 'query', name: 'user', terminal: false }, '', '/?user=7'],
    [{ kind: 'source_ip', terminal: false }, '', '/'],
  ] as const) {
    const { ask } = await lab(t, [policy])
    const apps = new Set<string>()
    for (let i = 0; i < 6; i += 1) apps.add((await ask(fields, path)).app)
    t.equal(apps.size, 1, policy.kind)
  }
})
