import { newTracing } from '../../../dp-agent/telemetry/tracing.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { silentLog } from '../../../proxy/log.ts'
import type { Ask, Lab } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { seededRandom } from '../../support/running-cluster.ts'

/** Of 40 requests, so many were traced. Chance is the same every time. */
async function traced(lab: Lab, ask: Ask = {}): Promise<number> {
  lab.clock.random = seededRandom()
  for (let i = 0; i < 40; i += 1) await lab.settled(lab.ask('/', ask))
  return lab.sidecar.spans.filter(({ kind }) => kind === 'server').length
}

const about = (wanted: number) => async (lab: Lab, ask: Ask) => {
  const count = await traced(lab, ask)
  return Math.abs(count - wanted) < 12 ? `about ${wanted}` : count
}

/** What the spans of a request say under a name. */
async function tag(lab: Lab, name: string, headers: Readonly<Record<string, string>> = {}) {
  await lab.settled(lab.ask('/', { headers }))
  const [span] = lab.sidecar.spans.filter(({ kind }) => kind === 'server')
  return span?.attributes[name] ?? null
}

const callersSpan = '00f067aa0ba902b7'

/** Below which span that of a request from a caller with a span stands, and `the same` when it is the caller's. */
async function sharing(lab: Lab): Promise<unknown> {
  const headers = {
    'x-b3-traceid': '4bf92f3577b34da6a3ce929d0e0e4736',
    'x-b3-spanid': callersSpan,
    'x-b3-sampled': '1',
  }
  await lab.settled(lab.ask('/', { headers }))
  return lab.sidecar.spans
    .filter(({ kind }) => kind === 'server')
    .map(({ spanId, parentId }) => (spanId === callersSpan ? 'the same' : parentId))
}

/** What a collector is asked when the spans of a request are exported, as the agent does. */
export async function exported(lab: Lab): Promise<unknown> {
  await lab.settled(lab.ask())
  const tracing = newTracing(systemClock, silentLog)
  tracing.export(lab.sidecar.spans)
  const { outside, other } = lab.services
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
  await lab.settled(tracing.stop())
  return Object.entries({ outside, other }).flatMap(([place, { arrivals }]) =>
    arrivals.map(({ method, path }) => `${place} ${method} ${path}`),
  )
}

const ask: Ask = { headers: { 'x-client-trace-id': 'a' } }
const somewhere = "backends: [{type: Zipkin, zipkin: {url: 'http://{{outside}}/spans'}}]"

const sampling = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  more: Ask,
): PolicyRow => ({
  field: `sampling.${field}`,
  shows,
  set: `{${somewhere}, sampling: {${set}}}`,
  unset: `{${somewhere}, sampling: {${unset}}}`,
  drive: (lab) => about(20)(lab, more),
  expect: 'about 20',
  otherwise: 40,
})

const backend = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: readonly unknown[],
  otherwise: readonly unknown[],
  more: Partial<PolicyRow> = {},
): PolicyRow => ({
  field: `backends[].${field}`,
  also: ['backends[].type'],
  shows,
  set: `{backends: [${set}]}`,
  unset: `{backends: [${unset}]}`,
  drive: exported,
  expect,
  otherwise,
  ...more,
})

const zipkin = (place: string, more = ''): string =>
  `{type: Zipkin, zipkin: {url: 'http://{{${place}}}/api/v2/spans'${more}}}`
const datadog = (place: string, more = ''): string =>
  `{type: Datadog, datadog: {url: 'http://{{${place}}}'${more}}}`
const collector = (name: string): string =>
  `{type: OpenTelemetry, openTelemetry: {backendRef: {kind: MeshOpenTelemetryBackend, name: ${name}}}}`

const grpcPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

export const meshTrace: PolicyTable = {
  kind: 'MeshTrace',
  section: 'proxy',
  rows: [
    sampling('random', 'of the requests are traced', 'random: 50', '', {}),
    sampling(
      'client',
      'of those whose caller asks for it',
      'client: 50, random: 0',
      'random: 0',
      ask,
    ),
    sampling('overall', 'of those that would be', 'overall: 50', '', {}),
    {
      field: 'tags[].name',
      also: ['tags[].literal'],
      shows: 'is said of every span',
      set: `{${somewhere}, tags: [{name: team, literal: shop}]}`,
      unset: `{${somewhere}}`,
      drive: (lab) => tag(lab, 'team'),
      expect: 'shop',
      otherwise: null,
    },
    {
      field: 'tags[].header.name',
      shows: 'is the header of the request whose value it is',
      set: `{${somewhere}, tags: [{name: who, header: {name: X-Who}}]}`,
      unset: `{${somewhere}, tags: [{name: who, header: {name: x-whom}}]}`,
      drive: (lab) => tag(lab, 'who', { 'x-who': 'me' }),
      expect: 'me',
      otherwise: null,
    },
    {
      field: 'tags[].header.default',
      shows: 'is its value where the header is missing',
      set: `{${somewhere}, tags: [{name: who, header: {name: X-Who, default: nobody}}]}`,
      unset: `{${somewhere}, tags: [{name: who, header: {name: X-Who}}]}`,
      drive: (lab) => tag(lab, 'who'),
      expect: 'nobody',
      otherwise: null,
    },
    backend(
      'zipkin.url',
      'is where spans go',
      zipkin('outside'),
      zipkin('other'),
      ['outside POST /api/v2/spans'],
      ['other POST /api/v2/spans'],
    ),
    backend(
      'zipkin.apiVersion',
      'httpProto: spans are written as protobuf; as JSON by default',
      zipkin('outside', ', apiVersion: httpProto'),
      zipkin('outside'),
      ['application/x-protobuf'],
      ['application/json'],
      {
        drive: async (lab) => {
          await exported(lab)
          return lab.services.outside.arrivals.map(({ headers }) => headers['content-type'])
        },
      },
    ),
    backend(
      'zipkin.traceId128bit',
      'identifiers of traces have 32 digits, not 16',
      zipkin('outside', ', traceId128bit: true'),
      zipkin('outside'),
      [32],
      [16],
      {
        drive: async (lab) => {
          await lab.settled(lab.ask())
          return lab.services.backend.arrivals.map(
            ({ headers }) => String(headers['x-b3-traceid']).length,
          )
        },
      },
    ),
    backend(
      'zipkin.sharedSpanContext',
      'false: the span of a request has an identifier of its own',
      zipkin('outside', ', sharedSpanContext: false'),
      zipkin('outside'),
      [callersSpan],
      ['the same'],
      { drive: sharing },
    ),
    backend(
      'datadog.splitService',
      'there is a service for what arrives, and for each destination',
      datadog('outside', ', splitService: true'),
      datadog('outside'),
      ['web_OUTBOUND_backend', 'web_OUTBOUND_backend', 'web_INBOUND', 'web_INBOUND'],
      ['web', 'web', 'web', 'web'],
      {
        drive: async (lab) => {
          await lab.settled(lab.ask())
          await lab.settled(lab.ask('/', { to: 'inbound' }))
          return lab.sidecar.spans.map(({ serviceName }) => serviceName)
        },
      },
    ),
    backend(
      'datadog.url',
      'is the agent that gets them',
      datadog('outside'),
      datadog('other'),
      ['outside PUT /v0.4/traces'],
      ['other PUT /v0.4/traces'],
    ),
    backend(
      'openTelemetry.backendRef.name',
      'is the resource that describes the collector',
      collector('first'),
      collector('second'),
      ['outside POST /otlp/v1/traces'],
      ['other POST /v1/traces'],
      {
        also: ['backends[].type', 'backends[].openTelemetry.backendRef.kind'],
        beside: `type: MeshOpenTelemetryBackend
name: first
spec: {protocol: http, endpoint: {address: 127.0.0.1, port: {{outside.port}}, path: /otlp}}
---
type: MeshOpenTelemetryBackend
name: second
spec: {protocol: http, endpoint: {address: 127.0.0.1, port: {{other.port}}}}`,
      },
    ),
    backend(
      'openTelemetry.endpoint',
      'is the collector, over gRPC (2.x)',
      "{type: OpenTelemetry, openTelemetry: {endpoint: '{{outside}}'}}",
      "{type: OpenTelemetry, openTelemetry: {endpoint: '{{other}}'}}",
      [`outside POST ${grpcPath}`],
      [`other POST ${grpcPath}`],
      { protocol: 'http2' },
    ),
  ],
}
