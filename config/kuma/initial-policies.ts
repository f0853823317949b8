import { parseFile } from '../files.ts'
import { newReporter } from '../report.ts'
import { checkDocument } from './check.ts'
import type { Resource } from './resources.ts'

/**
 * The policies that Kuma creates with every new mesh (KUMA: `mesh-timeout-all-<mesh>` and its fellows), as if they
 * stood in the set, with two differences: they give way to every policy that is written down, whatever its name, and
 * gateways get the timeouts of sidecars instead of Kuma's 5 s between bytes, which cut slow answers. A resource of the same
 * name replaces its default, and `Mesh.skipCreatingInitialPolicies` leaves them out (`*` for all).
 */
export function initialPolicies(
  mesh: string,
  resource: Resource<'Mesh'> | null,
  resources: readonly Resource[],
): readonly Resource[] {
  const skipped = resource?.body.skipCreatingInitialPolicies ?? []
  if (skipped.includes('*')) return []
  const { documents } = parseFile({ path: 'built in', text: defaultsOf(mesh) })
  const reporter = newReporter()
  return documents
    .map((document) => checkDocument(document, reporter))
    .filter((policy) => policy !== null)
    .filter(({ kind, name }) => !skipped.includes(kind) && !isDefined(kind, name, mesh, resources))
}

function isDefined(
  kind: string,
  name: string,
  mesh: string,
  resources: readonly Resource[],
): boolean {
  return resources.some(
    (resource) => resource.kind === kind && resource.name === name && resource.mesh === mesh,
  )
}

const defaultsOf = (mesh: string): string => {
  const name = JSON.stringify(mesh)
  return `
type: MeshTimeout
mesh: ${name}
name: ${JSON.stringify(`mesh-timeout-all-${mesh}`)}
spec:
  to:
    - targetRef: {kind: Mesh}
      default:
        connectionTimeout: 5s
        idleTimeout: 1h
        http: {requestTimeout: 15s, streamIdleTimeout: 30m}
  from:
    - targetRef: {kind: Mesh}
      default:
        connectionTimeout: 10s
        idleTimeout: 2h
        http: {requestTimeout: 0s, streamIdleTimeout: 1h, maxStreamDuration: 0s}
---
type: MeshCircuitBreaker
mesh: ${name}
name: ${JSON.stringify(`mesh-circuit-breaker-all-${mesh}`)}
spec:
  to:
    - targetRef: {kind: Mesh}
      default: &limits
        connectionLimits: {maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3}
  from:
    - targetRef: {kind: Mesh}
      default: *limits
---
type: MeshRetry
mesh: ${name}
name: ${JSON.stringify(`mesh-retry-all-${mesh}`)}
spec:
  to:
    - targetRef: {kind: Mesh}
      default:
        tcp: {maxConnectAttempt: 5}
        http: &requests {numRetries: 5, perTryTimeout: 16s, backOff: {baseInterval: 25ms, maxInterval: 250ms}}
        grpc: *requests
`
}
