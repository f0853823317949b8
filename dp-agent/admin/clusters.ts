import type { ClusterInspection, EndpointInspection } from '../../proxy/inspection.ts'
import type { AgentView } from './agent-view.ts'
import { json, plainText, type Reply } from './reply.ts'

/** `/clusters`: endpoints with their health and load; Envoy's lines, or its JSON with `format=json`. */
export async function clusters(agent: AgentView, query: URLSearchParams): Promise<Reply> {
  const inspection = await agent.workers.inspect()
  return query.get('format') === 'json'
    ? json({ cluster_statuses: inspection.clusters.map(clusterJson) })
    : plainText(inspection.clusters.flatMap(clusterLines).join('\n'))
}

function clusterLines(cluster: ClusterInspection): readonly string[] {
  const { name, limits } = cluster
  const limit = (stem: string, value: number) => `${name}::default_priority::${stem}::${value}`
  return [
    limit('max_connections', limits.maxConnections),
    limit('max_pending_requests', limits.maxPending),
    limit('max_requests', limits.maxRequests),
    limit('max_retries', limits.maxRetries),
    ...cluster.endpoints.flatMap((endpoint) =>
      endpointRows(endpoint).map(([stem, value]) => `${name}::${endpoint.key}::${stem}::${value}`),
    ),
  ]
}

const endpointRows = (endpoint: EndpointInspection): readonly (readonly [string, unknown])[] => [
  ['cx_active', endpoint.connections],
  ['rq_active', endpoint.active],
  ['rq_total', endpoint.requests],
  ['rq_error', endpoint.failures],
  ['hostname', endpoint.hostname],
  ['health_flags', healthFlags(endpoint)],
  ['weight', endpoint.weight],
  ['zone', endpoint.zone],
  ['sub_zone', endpoint.subZone],
  ['priority', endpoint.priority],
]

/** Envoy's words: `/failed_active_hc`, `/failed_outlier_check`, `/failed_eds_health`, or `healthy`. */
const healthFlags = ({ unhealthy }: EndpointInspection): string =>
  unhealthy.length === 0 ? 'healthy' : unhealthy.map((reason) => flags[reason]).join('')

const flags = {
  by_source: '/failed_eds_health',
  by_probe: '/failed_active_hc',
  by_outlier: '/failed_outlier_check',
} as const

/** Envoy: `admin.v3.ClusterStatus`. */
const clusterJson = (cluster: ClusterInspection) => ({
  name: cluster.name,
  circuit_breakers: {
    thresholds: [
      {
        priority: 'DEFAULT',
        max_connections: cluster.limits.maxConnections,
        max_pending_requests: cluster.limits.maxPending,
        max_requests: cluster.limits.maxRequests,
        max_retries: cluster.limits.maxRetries,
      },
    ],
  },
  host_statuses: cluster.endpoints.map((endpoint) => ({
    address: { socket_address: { address: endpoint.host, port_value: endpoint.port } },
    hostname: endpoint.hostname,
    stats: [
      { name: 'cx_active', type: 'GAUGE', value: String(endpoint.connections) },
      { name: 'rq_active', type: 'GAUGE', value: String(endpoint.active) },
      { name: 'rq_total', value: String(endpoint.requests) },
      { name: 'rq_error', value: String(endpoint.failures) },
    ],
    health_status: {
      eds_health_status: endpoint.unhealthy.includes('by_source') ? 'UNHEALTHY' : 'HEALTHY',
      failed_active_health_check: endpoint.unhealthy.includes('by_probe'),
      failed_outlier_check: endpoint.unhealthy.includes('by_outlier'),
    },
    weight: endpoint.weight,
    priority: endpoint.priority,
    locality: { zone: endpoint.zone, sub_zone: endpoint.subZone },
  })),
})
