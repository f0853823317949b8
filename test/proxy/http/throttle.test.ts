import t from 'tap'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import { endpoints, route, routeTable, snapshot } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

const slow = (bytesPerSecond: number, percent = 100): PolicyConfig => ({
  kind: 'fault',
  faults: [
    { abort: null, delay: null, bandwidth: { bytesPerSecond, percent }, peer: null, headers: [] },
  ],
})
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)

async function lab(t: Parameters<typeof origin>[0], body: string, policy: PolicyConfig) {
  const clock = fakeClock()
  const app = await origin(t, ({ socket }) => void socket.write(ok(body)))
  const proxy = await runProxy(
    t,
    snapshot({
      endpoints: [endpoints('app', app.port)],
      routeTables: [routeTable([route({ policies: [policy] })])],
    }),
    clock,
  )
  const caller = await rawClient(t, proxy.port())
  return { clock, proxy, caller }
}

t.test('throttle: an answer leaves in portions, whole in the end', async (t) => {
  const body = Array.from({ length: 300 }, (_, i) => `${i}`.padStart(10)).join('')
  const { clock, proxy, caller } = await lab(t, body, slow(20_000))
  caller.write(get)
  for (const sum of [1_000, 2_000]) {
    await caller.until((text) => bodyOf(text).length === sum)
    clock.tick(50)
  }
  await caller.until((text) => bodyOf(text).length === 3_000)
  t.equal(bodyOf(caller.text()), body)
  t.equal(proxy.http().counters.fault_response_rl_injected, 1)
  t.equal(proxy.http().counters.downstream_rq_active, 0)
  t.equal(proxy.cluster().counters.upstream_rq_completed, 1)
})

t.test('throttle: what waits is bounded, the rest waits at the endpoint', async (t) => {
  const { proxy, caller } = await lab(t, 'x'.repeat(20_000_000), slow(20_000))
  caller.write(get)
  await caller.until((text) => bodyOf(text).length > 0)
  for (let i = 0; i < 200; i += 1) await new Promise((resolve) => setImmediate(resolve))
  t.ok(proxy.cluster().counters.upstream_cx_rx_bytes_total < 500_000)
  caller.socket.resetAndDestroy()
  while (proxy.http().counters.downstream_rq_active > 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
})

t.test('throttle: a caller that leaves ends it', async (t) => {
  const { clock, proxy, caller } = await lab(t, 'x'.repeat(10_000), slow(1_000))
  const idle = clock.pending()
  caller.write(get)
  await caller.until((text) => bodyOf(text).length === 50)
  caller.socket.resetAndDestroy()
  while (proxy.http().counters.downstream_rq_active > 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.ok(clock.pending() <= idle + 1, 'only the sweep is left')
})

t.test('throttle: none without luck', async (t) => {
  const { clock, proxy, caller } = await lab(t, 'x'.repeat(10_000), slow(10, 40))
  clock.setRandom([0.5])
  caller.write(get)
  await caller.until((text) => bodyOf(text).length === 10_000)
  t.equal(proxy.http().counters.fault_response_rl_injected, 0)
})
