import { systemClock } from '../../proxy/clock.ts'
import { compileLogFormat } from '../../proxy/telemetry/log-format.ts'
import { fakeCluster, fakeEndpoints } from '../../test/support/cluster.ts'
import { connection, exchange } from '../../test/support/exchange.ts'

/** What one access log line costs: Envoy's default text format, and the same ten fields as JSON. */
const names: readonly (readonly [string, string])[] = [
  ['start', '%START_TIME%'],
  ['method', '%REQ(:METHOD)%'],
  ['path', '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%'],
  ['protocol', '%PROTOCOL%'],
  ['code', '%RESPONSE_CODE%'],
  ['flags', '%RESPONSE_FLAGS%'],
  ['sent', '%BYTES_SENT%'],
  ['duration', '%DURATION%'],
  ['agent', '%REQ(USER-AGENT)%'],
  ['host', '%UPSTREAM_HOST%'],
]
const text = '[%s] "%s %s %s" %s %s %s %s "%s" "%s"'
const fields = names.map(([key, value]) => ({ key, value }))
let next = 0
const formats = {
  text: { kind: 'text', text: text.replace(/%s/g, () => names[next++]?.[1] ?? '') },
  json: { kind: 'json', fields, omitEmpty: false },
} as const

const cluster = fakeCluster()
const x = exchange({
  connection: connection(),
  startedAt: systemClock.now(),
  endedAt: systemClock.now() + 12,
  path: '/api/orders/1234567890',
  originalPath: '/api/orders/1234567890',
  status: 200,
  bytesSent: 12_345,
  requestHeaders: ['host', 'app', 'accept', '*/*', 'user-agent', 'Mozilla/5.0 (X11; Linux x86_64)'],
  cluster,
  endpoint: fakeEndpoints(cluster, 1)[0] ?? null,
})

const rounds = 300_000
for (const [name, format] of Object.entries(formats)) {
  const render = compileLogFormat(format, systemClock)
  let best = Number.POSITIVE_INFINITY
  let bytes = 0
  for (let run = 0; run < 6; run += 1) {
    const begin = performance.now()
    for (let i = 0; i < rounds; i += 1) bytes += Buffer.byteLength(render(x))
    best = Math.min(best, ((performance.now() - begin) * 1e6) / rounds)
  }
  console.log(`${name}: ${best.toFixed(0)} ns a line (${bytes / rounds / 6} bytes)`)
}
