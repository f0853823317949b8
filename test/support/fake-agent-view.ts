import type { AgentView, ConfigStatus } from '../../dp-agent/admin/agent-view.ts'
import { emptySnapshot, type Snapshot } from '../../proxy/model/snapshot.ts'
import { newStats } from '../../proxy/telemetry/metrics.ts'
import { fakeClock } from './fake-clock.ts'

const origin = { source: 'test', name: 'Secret/identity', version: '1' }

/** A snapshot whose secrets must never be seen. */
export const secretSnapshot: Snapshot = {
  ...emptySnapshot,
  secrets: [
    { kind: 'certificate', name: 'identity', origin, chain: 'CHAIN-PEM', key: 'KEY-PEM' },
    { kind: 'trust', name: 'mesh', origin, domains: [{ domain: 'default', bundle: 'ROOT-PEM' }] },
  ],
}

/** A healthy agent with one listener, one cluster of two endpoints and a certificate. */
export function fakeAgentView(
  over: Partial<AgentView> = {},
): AgentView & { readonly calls: string[] } {
  const clock = fakeClock()
  const calls: string[] = []
  const config: ConfigStatus = {
    version: 2,
    acceptedAt: clock.wall(),
    stale: false,
    problems: [],
    failures: [],
    snapshot: secretSnapshot,
  }
  const cluster = newStats('cluster', 'backend')
  cluster.counters.upstream_rq_total = 5
  cluster.codes.set(200, 5)
  cluster.histograms.upstream_rq_time.counts[3] = 10
  const endpoint = {
    key: '10.0.0.1:80',
    host: '10.0.0.1',
    port: 80,
    hostname: 'one',
    zone: 'a',
    subZone: '',
    priority: 0,
    weight: 1,
    unhealthy: [],
    active: 1,
    connections: 2,
    requests: 5,
    failures: 0,
  }
  return {
    calls,
    clock,
    about: {
      version: '0.1.0',
      name: 'web-1',
      mesh: 'default',
      source: 'files',
      pid: 7,
      node: 'v26.0.0',
      startedAt: clock.wall() - 61_000,
      options: { name: 'web-1' },
    },
    workers: {
      drain: () => void calls.push('drain'),
      status: () => [{ index: 0, state: 'serving', version: 2, restarts: 0, pulse: null }],
      stats: async () => [cluster, newStats('server', '0')],
      inspect: async () => ({
        listeners: [
          {
            name: 'inbound:80',
            address: '127.0.0.1',
            port: 8080,
            direction: 'inbound',
            state: 'listening',
            failure: null,
            connections: 3,
          },
        ],
        clusters: [
          {
            name: 'backend',
            protocol: 'http1',
            limits: { maxConnections: 1, maxPending: 2, maxRequests: 3, maxRetries: 4 },
            requestsActive: 1,
            retriesActive: 0,
            connectionsActive: 2,
            pendingActive: 0,
            endpoints: [
              endpoint,
              { ...endpoint, key: '10.0.0.2:80', unhealthy: ['by_probe', 'by_outlier'] },
            ],
          },
        ],
        certificates: [
          {
            secret: 'identity',
            kind: 'certificate',
            subject: 'CN=web',
            serial: '01',
            sans: ['URI:spiffe://default/web'],
            notBefore: clock.wall(),
            notAfter: clock.wall() + 3 * 86_400_000,
          },
        ],
      }),
    },
    staleSince: () => null,
    readiness: () => ({ state: 'LIVE', reasons: [] }),
    config: () => config,
    certificate: () => ({ spiffeId: 'spiffe://default/web', notAfter: clock.wall() + 86_400_000 }),
    metrics: async () => ({ type: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    logLevel: () => 'info',
    setLogLevel: (level) => void calls.push(`level ${level}`),
    failHealthcheck: (failed) => void calls.push(`fail ${failed}`),
    quit: () => void calls.push('quit'),
    ...over,
  }
}
