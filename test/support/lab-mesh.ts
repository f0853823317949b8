import { deepStrictEqual as deepEqual } from 'node:assert'
import type { Environment } from '../../config/environment.ts'
import type { Compilation } from '../../config/kuma/compile.ts'
import type { AgentSettings, ExpectedIdentity } from '../../config/settings.ts'
import type { Cluster } from '../../proxy/model/cluster.ts'
import type { EndpointAddress, EndpointGroup } from '../../proxy/model/endpoint.ts'
import type { Secret } from '../../proxy/model/secret.ts'
import { checkSnapshot, type Snapshot } from '../../proxy/model/snapshot.ts'
import { compiledOf } from './kuma.ts'
import { certificateSecret, type TestCa, testCa, testLeaf, trustSecret } from './pki.ts'

/** What the applications of a lab speak. */
export type LabProtocol = 'tcp' | 'http' | 'http2' | 'grpc'

/** The resources around the policy under test. */
export interface LabMesh {
  readonly protocol: LabProtocol
  /** `Mesh.mtls`, permissive, so that plaintext is understood too. */
  readonly mtls: boolean
  /** More documents of YAML: the policy under test, and what it needs. */
  readonly resources: string
  /** What data sources may name. Default nothing. */
  readonly environment?: Environment
  /** The port at which every address of loopback is intercepted; null: none is. What passes arrives at `outside`. */
  readonly passing: number | null
}

/**
 * The mesh of a lab. `web-1` is the sidecar under test: it serves `web` and calls `backend` on port
 * 10001, `other` on 10002, the external `outside` on 10003, and `pool` on 10004, which is three proxies, one of them in another zone;
 * a MeshService `shop` on 10005 and a MeshMultiZoneService `shops` on 10006, where there are such. Addresses are names: everything listens on
 * loopback, on ports of its own.
 */
const meshOf = ({ protocol, mtls, resources, passing }: LabMesh): string => `
type: Mesh
name: default
skipCreatingInitialPolicies: ['*']
${mtls ? 'mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin, mode: PERMISSIVE}]}' : ''}
---
type: Dataplane
name: web-1
labels: {kuma.io/zone: east, rack: r1}
networking:
  address: 10.0.0.1
  ${passing === null ? '' : 'transparentProxying: {redirectPortOutbound: 15001, ipFamilyMode: IPv4}'}
  inbound:
    - {port: 8080, servicePort: 9080, name: main, tags: {kuma.io/service: web, kuma.io/protocol: ${protocol}, rack: r1}}
  outbound:
    - {port: 10001, tags: {kuma.io/service: backend}}
    - {port: 10002, tags: {kuma.io/service: other}}
    - {port: 10003, backendRef: {kind: MeshExternalService, name: outside}}
    - {port: 10004, tags: {kuma.io/service: pool}}
    - {port: 10005, backendRef: {kind: MeshService, name: shop, port: 80}}
    - {port: 10006, backendRef: {kind: MeshMultiZoneService, name: shops, port: 80}}
---
type: Dataplane
name: backend-1
labels: {kuma.io/zone: east}
networking:
  address: 10.0.0.2
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: backend, kuma.io/protocol: ${protocol}}}
---
type: Dataplane
name: other-1
labels: {kuma.io/zone: east}
networking:
  address: 10.0.0.3
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: other, kuma.io/protocol: ${protocol}}}
---
type: Dataplane
name: pool-1
labels: {kuma.io/zone: east}
networking:
  address: 10.0.0.4
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: pool, kuma.io/protocol: ${protocol}, version: v1, rack: r1}}
---
type: Dataplane
name: pool-2
labels: {kuma.io/zone: east}
networking:
  address: 10.0.0.5
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: pool, kuma.io/protocol: ${protocol}, version: v2, rack: r2}}
---
type: Dataplane
name: pool-3
labels: {kuma.io/zone: west}
networking:
  address: 10.0.0.6
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: pool, kuma.io/protocol: ${protocol}, version: v3}}
---
${resources.includes('type: MeshExternalService\nname: outside') ? '' : outside(protocol)}
---
${resources}
`

const outside = (protocol: LabProtocol): string => `type: MeshExternalService
name: outside
spec:
  match: {type: HostnameGenerator, port: 80, protocol: ${protocol}}
  endpoints: [{address: 10.0.1.1, port: 80}]
`

/** Everything that an address of the mesh may lead to. */
export const labPlaces = {
  app: '10.0.0.1:9080',
  backend: '10.0.0.2:8080',
  other: '10.0.0.3:8080',
  pool1: '10.0.0.4:8080',
  pool2: '10.0.0.5:8080',
  pool3: '10.0.0.6:8080',
  outside: '10.0.1.1:80',
} as const
export type LabPlace = keyof typeof labPlaces

/** The CA of every lab. */
export const labCa: TestCa = testCa()

/** The certificate of a service of the mesh. */
export const labIdentity = (service: string) => testLeaf(labCa, `spiffe://default/${service}`)

/** What the data path and the agent of `web-1` are given. */
export interface LabConfiguration {
  readonly snapshot: Snapshot
  readonly settings: AgentSettings
  /** As it was compiled: what `explain` looks at. */
  readonly compilation: Compilation
}

/**
 * What `web-1` is given: the compiled snapshot with its listeners on loopback, port 0, and its endpoints where
 * the servers of the lab stand. An endpoint that is none of them is left as it is.
 */
export function labConfiguration(
  mesh: LabMesh,
  ports: Readonly<Record<LabPlace, number>>,
): LabConfiguration {
  const compilation = compiledOf(meshOf(mesh), 'web-1', 'default', mesh.environment ?? {})
  const { snapshot, settings, identity } = compilation
  const portOf = new Map<string, number>(
    Object.entries(labPlaces).map(([place, address]) => [address, ports[place as LabPlace]]),
  )
  const secrets = identity === null ? [] : secretsOf(identity, settings)
  const placed = asChecked({
    ...snapshot,
    listeners: snapshot.listeners.map((one) => ({
      ...one,
      address: one.intercepts ? '0.0.0.0' : '127.0.0.1',
      port: one.intercepts ? (mesh.passing ?? 0) : 0,
      socket: { kind: 'bound' },
    })),
    clusters: snapshot.clusters.map((one) => ({
      ...one,
      discovery: one.discovery === 'original' ? 'static' : one.discovery,
    })),
    endpoints: [
      ...snapshot.endpoints,
      ...snapshot.clusters.filter((one) => one.discovery === 'original').map(goingOutside),
    ].map((group) => ({
      ...group,
      localities: group.localities.map((locality) => ({
        ...locality,
        endpoints: locality.endpoints.map((endpoint) => {
          const port = portOf.get(`${endpoint.host}:${endpoint.port}`)
          return port === undefined ? endpoint : { ...endpoint, host: '127.0.0.1', port }
        }),
      })),
    })),
    secrets: [...snapshot.secrets, ...secrets],
  })
  return { snapshot: placed, settings, compilation }
}

/** Nothing else can listen where calls are intercepted, so they are taken to the service outside. */
function goingOutside({ name, origin }: Cluster): EndpointGroup {
  const [host = '', port] = labPlaces.outside.split(':')
  const endpoint: EndpointAddress = {
    host,
    port: Number(port),
    hostname: '',
    weight: 1,
    health: 'healthy',
    tags: {},
  }
  const locality = { zone: '', subZone: '', priority: 0, weight: 0, endpoints: [endpoint] }
  return { name, origin, localities: [locality], overprovisioningPercent: 140 }
}

/** What the agent adds: a certificate for the identity we are to have, and whom we trust. */
function secretsOf(
  { spiffeIds, trustDomain }: ExpectedIdentity,
  { bundles }: AgentSettings,
): readonly Secret[] {
  const trust = trustSecret({ [trustDomain]: [labCa] })
  const others = bundles.filter(({ domain }) => domain !== trustDomain)
  return [
    certificateSecret(testLeaf(labCa, spiffeIds[0] ?? null)),
    { ...trust, domains: [...trust.domains, ...others] },
  ]
}

/** The model's check must find nothing to refuse, to complete or to write in another way. */
function asChecked(snapshot: Snapshot): Snapshot {
  const checked = checkSnapshot(JSON.parse(JSON.stringify(snapshot)))
  deepEqual(checked.rejects, [])
  deepEqual(snapshot, checked.snapshot)
  return snapshot
}
