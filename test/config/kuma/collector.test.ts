import t from 'tap'
import type { Environment } from '../../../config/environment.ts'
import { backendUrl, type Signal } from '../../../config/kuma/collector.ts'
import type { MeshOpenTelemetryBackendBody } from '../../../config/kuma/schemas/destinations.ts'

type Backend = MeshOpenTelemetryBackendBody['spec']
const all = (text: string): Environment => ({ OTEL_EXPORTER_OTLP_ENDPOINT: text })
const traces = (text: string): Environment => ({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text })
const spoken = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }
const own: Backend = { endpoint: { address: 'own', port: 1 } }

/** What the resource says, what the environment says, and where traces go; where logs go, if elsewhere. */
const rows: readonly (readonly [Backend, Environment, string | null, string?])[] = [
  [{}, {}, 'grpc://127.0.0.1:4317'],
  [{}, { HOST_IP: '10.0.0.9' }, 'grpc://10.0.0.9:4317'],
  [{ endpoint: { port: 1 } }, { HOST_IP: '10.0.0.9' }, 'grpc://10.0.0.9:1'],
  [{ endpoint: { address: 'fd00::1' } }, {}, 'grpc://[fd00::1]:4317'],
  [{ protocol: 'http' }, {}, 'http://127.0.0.1:4317/v1/traces', 'http://127.0.0.1:4317/v1/logs'],
  [
    { protocol: 'http', endpoint: { address: 'own', port: 1, path: '/a/' } },
    {},
    'http://own:1/a/v1/traces',
    'http://own:1/a/v1/logs',
  ],
  // All signals.
  [own, all('http://c:2'), 'grpc://c:2'],
  [own, all('c:2'), 'grpc://c:2'],
  [own, { ...all('c:2'), OTEL_EXPORTER_OTLP_INSECURE: 'false' }, 'grpcs://c:2'],
  [own, all('https://c:2'), 'grpcs://c:2'],
  [own, all(' '), 'grpc://own:1'],
  [own, all('http://c:2/path'), 'grpc://own:1'],
  [
    own,
    { ...all('http://c:2/path/'), ...spoken },
    'http://c:2/path/v1/traces',
    'http://c:2/path/v1/logs',
  ],
  [own, { ...all('https://c:2'), ...spoken }, 'https://c:2/v1/traces', 'https://c:2/v1/logs'],
  [own, { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'grpc://own:1'],
  // One of them.
  [own, { ...traces('http://t:3'), ...all('http://c:2') }, 'grpc://t:3', 'grpc://c:2'],
  [own, { ...traces('http://t:3/x'), ...spoken }, 'http://t:3/x', 'http://own:1/v1/logs'],
  [own, { ...traces('http://t:3'), ...spoken }, 'http://t:3/', 'http://own:1/v1/logs'],
  [own, { ...traces('t:3'), ...spoken }, 'http://t:3/v1/traces', 'http://own:1/v1/logs'],
  [
    { ...own, env: { allowSignalOverrides: false } },
    { ...traces('http://t:3'), ...all('http://c:2') },
    'grpc://c:2',
  ],
  // Whose word counts.
  [{ ...own, env: { precedence: 'ExplicitFirst' } }, all('http://c:2'), 'grpc://own:1'],
  [{ env: { precedence: 'ExplicitFirst' } }, all('http://c:2'), 'grpc://c:2'],
  [
    { ...own, env: { precedence: 'ExplicitFirst' } },
    spoken,
    'http://own:1/v1/traces',
    'http://own:1/v1/logs',
  ],
  [{ ...own, env: { mode: 'Disabled' } }, all('http://c:2'), 'grpc://own:1'],
  [{ ...own, env: { mode: 'Required' } }, all('http://c:2'), 'grpc://c:2'],
  [{ ...own, env: { mode: 'Required' } }, {}, null],
]

for (const [backend, environment, expected, elsewhere = expected] of rows) {
  t.test(`collector: ${JSON.stringify([backend, environment])}`, async (t) => {
    const url = (signal: Signal) => backendUrl(backend, signal, environment)
    t.equal(url('traces'), expected)
    t.equal(url('logs'), elsewhere)
  })
}
