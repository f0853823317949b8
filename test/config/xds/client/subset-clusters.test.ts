import t from 'tap'
import { newAssembly } from '../../../../config/xds/client/assembly.ts'
import { type ResourceKind, resourceTypes } from '../../../../config/xds/client/resource-type.ts'
import { newStore } from '../../../../config/xds/client/store.ts'
import { translateCluster } from '../../../../config/xds/cluster/cluster.ts'
import { translateEndpoints } from '../../../../config/xds/cluster/endpoint-group.ts'
import { encodeMessage } from '../../../../config/xds/proto/encode.ts'
import { atOnce } from '../../../../proxy/pace.ts'
import type { Raw } from '../../../../proxy/problems.ts'
import { noOutside, simple } from '../../../support/xds-translators.ts'

const backend = {
  name: 'backend',
  type: 'EDS',
  eds_cluster_config: { service_name: 'backend-all' },
  lb_subset_config: { subset_selectors: [{ keys: ['version'] }] },
}
const endpoint = (port_value: number, version: string) => ({
  endpoint: { address: { socket_address: { address: '10.0.0.1', port_value } } },
  metadata: { filter_metadata: { 'envoy.lb': { version } } },
})
const assignment = {
  cluster_name: 'backend-all',
  endpoints: [{ lb_endpoints: [endpoint(1, 'v1'), endpoint(2, 'v2'), endpoint(3, 'v1')] }],
}

/** Ports by cluster, of what is made when listeners send to these clusters. */
function portsBy(sentTo: readonly string[], cluster: Raw = backend) {
  const translators = { ...simple, clusters: translateCluster, endpoints: translateEndpoints }
  const store = newStore(translators, noOutside)
  const put = (kind: ResourceKind, ...messages: readonly Raw[]) =>
    atOnce(
      store.take(
        kind,
        messages.map((fields) => ({
          name: '',
          version: '1',
          bytes: encodeMessage(resourceTypes[kind].message, fields),
        })),
        [],
      ),
    )
  put('clusters', cluster)
  put('listeners', ...sentTo.map((name) => ({ name: `to ${name}`, stat_prefix: name })))
  const assembly = newAssembly(store)
  const before = assembly.assemble(0)
  put('endpoints', assignment)
  const { snapshot } = assembly.assemble(1)
  const names = snapshot?.clusters.map(({ name }) => name) ?? []
  const ports = names.map((name) => [
    name,
    ...(snapshot?.endpoints ?? [])
      .filter((group) => group.name === name)
      .flatMap(({ localities }) => localities.flatMap((one) => one.endpoints))
      .map(({ port }) => port),
  ])
  return { warming: before.warming, ports }
}

t.test('xds subset: each that is sent to is a cluster of its own', async (t) => {
  const { ports, warming } = portsBy(['backend{version=v1}', 'backend{version=v2}', 'backend'])
  t.same(ports, [['backend'], ['backend{version=v1}', 1, 3], ['backend{version=v2}', 2]])
  t.ok(warming.includes('Listener to backend{version=v1} waits for the cluster backend'))
})

t.test('xds subset: of a cluster that knows none it is the whole', async (t) => {
  const { lb_subset_config: _, ...plain } = backend
  const { ports } = portsBy(['backend{version=v1}', 'gone{a=b}'], plain)
  t.same(ports, [
    ['backend', 1, 2, 3],
    ['backend{version=v1}', 1, 2, 3],
  ])
})
