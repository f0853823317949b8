import type { Lab } from '../../support/lab.ts'
import { startLabAgent } from '../../support/lab-agent.ts'
import type { PolicyRow } from '../../support/policy-table.ts'

/** Who is sent metrics, and how many seconds after the start. */
async function pushed(lab: Lab): Promise<unknown> {
  const { outside, other } = lab.services
  const arrived = (): number => outside.arrivals.length + other.arrivals.length
  for (const service of [outside, other]) {
    service.answer = ({ request, path }, response) => {
      request.resume()
      const grpc = path.startsWith('/opentelemetry')
      response.writeHead(
        200,
        grpc ? { 'content-type': 'application/grpc', 'grpc-status': '0' } : {},
      )
      response.end()
    }
  }
  // What is loaded with the first message takes time that the lab's clock does not know.
  await lab.settled(
    Promise.all([
      import('prom-client'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-metrics-otlp-proto'),
      import('@opentelemetry/exporter-metrics-otlp-grpc'),
    ]),
  )
  const agent = await startLabAgent(lab)
  let seconds = 0
  while (agent.scrapes() === 0) {
    lab.clock.tick(10_000)
    seconds += 10
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
  }
  await lab.until(() => arrived() > 0)
  const [[place = '', service] = []] = Object.entries({ outside, other }).filter(
    ([, { arrivals }]) => arrivals.length > 0,
  )
  return { place, path: service?.arrivals[0]?.path, seconds }
}

const push = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: unknown,
  otherwise: unknown,
  more: Partial<PolicyRow> = {},
): PolicyRow => ({
  field: `backends[].openTelemetry.${field}`,
  also: ['backends[].type'],
  shows,
  set: `{backends: [{type: OpenTelemetry, openTelemetry: {${set}}}]}`,
  unset: `{backends: [{type: OpenTelemetry, openTelemetry: {${unset}}}]}`,
  drive: pushed,
  expect,
  otherwise,
  ...more,
})

const collectors = `type: MeshOpenTelemetryBackend
name: first
spec: {protocol: http, endpoint: {address: 127.0.0.1, port: {{outside.port}}}}
---
type: MeshOpenTelemetryBackend
name: second
spec: {protocol: http, endpoint: {address: 127.0.0.1, port: {{other.port}}}}`
const to = (name: string): string =>
  `backendRef: {kind: MeshOpenTelemetryBackend, name: ${name}}, refreshInterval: 10s`

/** MeshMetric `backends[].openTelemetry`. */
export const collectorRows: readonly PolicyRow[] = [
  push(
    'backendRef.name',
    'is the resource that describes the collector',
    to('first'),
    to('second'),
    { place: 'outside', path: '/v1/metrics', seconds: 10 },
    { place: 'other', path: '/v1/metrics', seconds: 10 },
    {
      also: ['backends[].type', 'backends[].openTelemetry.backendRef.kind'],
      beside: collectors,
    },
  ),
  push(
    'endpoint',
    'is the collector, over gRPC (2.x)',
    "endpoint: '{{outside}}', refreshInterval: 10s",
    "endpoint: '{{other}}', refreshInterval: 10s",
    {
      place: 'outside',
      path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      seconds: 10,
    },
    {
      place: 'other',
      path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      seconds: 10,
    },
    { protocol: 'http2' },
  ),
  push(
    'refreshInterval',
    'passes between two messages',
    'backendRef: {kind: MeshOpenTelemetryBackend, name: first}, refreshInterval: 20s',
    'backendRef: {kind: MeshOpenTelemetryBackend, name: first}',
    { place: 'outside', path: '/v1/metrics', seconds: 20 },
    { place: 'outside', path: '/v1/metrics', seconds: 60 },
    { beside: collectors },
  ),
]
