import t from 'tap'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ok, origin, type Seen } from '../../support/origin.ts'
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

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await settle()
}
const answer = ({ socket }: Seen): void => void socket.write(ok())

const mirrored = (app: number, copy: number, percent = 100): Snapshot =>
  snapshot({
    clusters: [cluster(), cluster({ name: 'copy' })],
    endpoints: [endpoints('app', app), endpoints('copy', copy)],
    routeTables: [
      routeTable([
        route({ action: { ...forwardTo('app'), mirrors: [{ cluster: 'copy', percent }] } }),
      ]),
    ],
  })

t.test('mirror: a copy goes elsewhere, with its body and another host', async (t) => {
  const app = await origin(t, answer)
  const copy = await origin(t, answer)
  const proxy = await runProxy(t, mirrored(app.port, copy.port))
  const caller = await rawClient(t, proxy.port())
  caller.write(
    'POST /a?b HTTP/1.1\r\nHost: app.mesh:80\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello',
  )
  await caller.until((text) => text.endsWith('ok'))
  await until(() => copy.received().endsWith('hello'))
  t.match(copy.heads[0], /^POST \/a\?b HTTP\/1\.1\r\n/)
  t.match(copy.heads[0], /\r\nHost: app\.mesh-shadow:80\r\n/)
  t.match(copy.heads[0], /\r\nX-One: 1\r\n/)
  t.match(app.heads[0], /\r\nHost: app\.mesh:80\r\n/)
  caller.write('GET / HTTP/1.1\r\nHost: app.mesh\r\n\r\n')
  await until(() => copy.heads.length === 2)
  await until(() => proxy.cluster('copy').counters.upstream_rq_completed === 2)
  const { counters } = proxy.http()
  t.equal(counters.rq_mirrored, 2)
  t.equal(counters.downstream_rq_total, 2, 'copies are not requests of callers')
  t.equal(proxy.cluster('copy').counters.upstream_rq_active, 0)
})

t.test('mirror: whatever becomes of a copy, the request does not notice', async (t) => {
  const app = await origin(t, answer)
  for (const serve of [
    ({ socket }: Seen) => void socket.write('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n'),
    ({ socket }: Seen) => void socket.destroy(),
    ({ socket }: Seen) => void socket.write('nonsense\r\n\r\n'),
  ]) {
    const copy = await origin(t, serve)
    const proxy = await runProxy(t, mirrored(app.port, copy.port))
    const caller = await rawClient(t, proxy.port())
    caller.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    t.match(await caller.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/)
    await until(() => proxy.cluster('copy').counters.upstream_rq_active === 0)
  }
  const unknown = mirrored(app.port, 1)
  const proxy = await runProxy(t, {
    ...unknown,
    clusters: [cluster()],
    endpoints: [endpoints('app', app.port)],
  })
  const caller = await rawClient(t, proxy.port())
  caller.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await caller.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/)
  t.equal(proxy.http().counters.rq_mirror_dropped, 1)
})

t.test('mirror: a copy nobody answers is given up', async (t) => {
  const clock = fakeClock()
  const app = await origin(t, answer)
  const copy = await origin(t, () => {})
  const proxy = await runProxy(t, mirrored(app.port, copy.port), clock)
  const caller = await rawClient(t, proxy.port())
  caller.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await caller.until((text) => text.endsWith('ok'))
  await until(() => copy.heads.length === 1)
  t.equal(proxy.cluster('copy').counters.upstream_rq_active, 1)
  clock.tick(15_100)
  t.equal(proxy.cluster('copy').counters.upstream_rq_active, 0)
})

t.test('mirror: a long body is not kept for a copy', async (t) => {
  const app = await origin(t, answer)
  const copy = await origin(t, answer)
  const proxy = await runProxy(t, mirrored(app.port, copy.port))
  const caller = await rawClient(t, proxy.port())
  caller.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`)
  await caller.until((text) => text.endsWith('ok'))
  await until(() => proxy.http().counters.rq_mirror_dropped === 1)
  t.equal(copy.heads.length, 0)
})

t.test('mirror: a share of requests, by chance', async (t) => {
  const clock = fakeClock()
  const app = await origin(t, answer)
  const copy = await origin(t, answer)
  const proxy = await runProxy(t, mirrored(app.port, copy.port, 30), clock)
  const caller = await rawClient(t, proxy.port())
  clock.setRandom([0.5])
  caller.write('GET /no HTTP/1.1\r\nHost: a\r\n\r\n')
  await caller.until((text) => text.endsWith('ok'))
  clock.setRandom([0.2])
  caller.write('GET /yes HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => copy.heads.length === 1)
  t.match(copy.heads[0], /^GET \/yes /)
})
