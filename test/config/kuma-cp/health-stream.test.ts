import t from 'tap'
import type { Handshake } from '../../../config/kuma-cp/control-plane.ts'
import { newHealth } from '../../../config/kuma-cp/health.ts'
import { startHealthStream } from '../../../config/kuma-cp/health-stream.ts'
import type { StreamEvents } from '../../../config/xds/client/stream.ts'
import { decodeMessage } from '../../../config/xds/proto/decode.ts'
import { encodeMessage } from '../../../config/xds/proto/encode.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'

const handshake: Handshake = {
  address: { target: 'kuma-cp:5678', tls: null, pings: true, metadata: [] },
  node: { id: 'default.web-1' },
  delta: true,
  hds: true,
}
const specifier = {
  interval: '5s',
  cluster_health_checks: [
    {
      cluster_name: 'system_envoy_admin',
      locality_endpoints: [{ endpoints: [{ address: { pipe: { path: '/admin.sock' } } }] }],
      health_checks: [
        {
          timeout: '2s',
          interval: '1s',
          unhealthy_threshold: 1,
          healthy_threshold: 1,
          http_health_check: { path: '/ready' },
        },
      ],
    },
  ],
}
const healthType = (name: string): string => `envoy.service.health.v3.${name}`

function setup(first: Handshake | null) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  let latest = first
  let ready = true
  const opened: { readonly target: string; readonly method: string; events: StreamEvents }[] = []
  const sent: Raw[] = []
  let closed = 0
  const stream = startHealthStream({
    latest: () => latest,
    openStream(address, method, events) {
      opened.push({ target: address.target, method, events })
      return {
        send(bytes) {
          const type = healthType('HealthCheckRequestOrEndpointHealthResponse')
          sent.push(decodeMessage(type, bytes).value as Raw)
        },
        close() {
          closed += 1
        },
      }
    },
    health: newHealth({
      clock,
      ready: () => ready,
      probeOf: () => ({ start() {}, close() {} }),
    }),
    clock,
    log,
  })
  return {
    clock,
    lines,
    stream,
    opened,
    sent,
    closed: () => closed,
    say: (raw: Raw) =>
      opened.at(-1)?.events.message(encodeMessage(healthType('HealthCheckSpecifier'), raw)),
    set(next: { readonly latest?: Handshake | null; readonly ready?: boolean }) {
      latest = next.latest ?? latest
      ready = next.ready ?? ready
    },
    statuses: () => sent.map(({ endpoint_health_response }) => statusOf(endpoint_health_response)),
  }
}

const statusOf = (response: unknown): string =>
  /"health_status":"(\w+)"/.exec(JSON.stringify(response ?? null))?.[1] ?? 'none'

t.test('health stream: it waits for a control plane that wants to hear of health', async (t) => {
  const { clock, opened, sent, set } = setup(null)
  t.same(opened, [])
  set({ latest: { ...handshake, hds: false } })
  clock.tick(1_000)
  t.same(opened, [])
  set({ latest: handshake })
  clock.tick(1_000)
  t.match(opened, [
    {
      target: 'kuma-cp:5678',
      method: '/envoy.service.health.v3.HealthDiscoveryService/StreamHealthCheck',
    },
  ])
  t.same(sent, [
    {
      health_check_request: {
        node: { id: 'default.web-1' },
        capability: { health_check_protocols: ['HTTP', 'TCP'] },
      },
    },
  ])
})

t.test('health stream: it reports at the interval, and at once when we drain', async (t) => {
  const { clock, say, set, stream, statuses } = setup(handshake)
  stream.changed()
  t.same(statuses(), ['none'], 'nobody has asked yet')
  say(specifier)
  clock.tick(5_000)
  t.same(statuses(), ['none', 'HEALTHY'])
  set({ ready: false })
  stream.changed()
  t.same(statuses(), ['none', 'HEALTHY', 'UNHEALTHY'])
  clock.tick(5_000)
  t.equal(statuses().length, 4)
})

t.test('health stream: a lost one is opened again, ever later', async (t) => {
  const { clock, opened, lines, say, stream, closed } = setup(handshake)
  opened[0]?.events.ended('UNAVAILABLE: gone')
  t.match(lines, [/^warn health cannot be reported .*gone.*375/])
  clock.tick(375)
  opened[1]?.events.ended('UNAVAILABLE: gone')
  clock.tick(749)
  t.equal(opened.length, 2)
  clock.tick(1)
  t.equal(opened.length, 3)
  say(specifier)
  t.match(lines.at(-1), /^info health is reported again/)
  stream.stop()
  t.equal(closed(), 1)
  t.equal(clock.pending(), 0)
})

t.test('health stream: what cannot be understood ends it', async (t) => {
  const { opened, lines, closed, say, clock } = setup(handshake)
  opened[0]?.events.message(new Uint8Array([255]))
  t.match(lines, [/^warn health cannot be reported .*health checks/])
  t.equal(closed(), 1)
  clock.tick(375)
  const check = { cluster_name: 'a', health_checks: [{ timeout: '1s', interval: '1s' }] }
  const group = { locality_endpoints: [{ endpoints: [{ address: { pipe: { path: '/a' } } }] }] }
  say({ cluster_health_checks: [{ ...check, ...group }] })
  t.match(lines.at(-1), /health checks cluster_health_checks\[0\].*must have/)
  t.equal(closed(), 2)
})

t.test('health stream: a token that cannot be read is waited for', async (t) => {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  startHealthStream({
    latest: () => {
      throw new Error('ENOENT')
    },
    openStream: () => t.fail('no stream') as never,
    health: newHealth({ clock, ready: () => true, probeOf: () => t.fail() as never }),
    clock,
    log,
  })
  clock.tick(1_000)
  t.match(lines, [/ENOENT/, /ENOENT/])
})
