import { type Lab, type LabListener, labListeners } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'

type Kind = 'cluster' | 'listener' | 'networkFilter' | 'httpFilter' | 'virtualHost'

const yaml = (text: string): string => JSON.stringify(text)

/** A modification of one kind. */
const row = (
  kind: Kind,
  fields: readonly [field: string, ...also: string[]],
  shows: string,
  set: string,
  unset: string,
  drive: (lab: Lab) => Promise<unknown>,
  expect: unknown,
  otherwise: unknown,
  listener: LabListener = 'backend',
): PolicyRow => {
  const [field, ...also] = fields.map((name) => `appendModifications[].${kind}.${name}`)
  const body = (text: string): string => `{appendModifications: [{${kind}: {${text}}}]}`
  return {
    field: field ?? '',
    also,
    shows,
    listener,
    beside: fault,
    set: body(set),
    unset: body(unset),
    drive,
    expect,
    otherwise,
  }
}

/** What arrives is broken, so that there is a filter to remove. */
const fault = `type: MeshFaultInjection
name: broken
spec: {rules: [{default: {http: [{abort: {httpStatus: 418, percentage: 100}}]}}]}`

const status = async (lab: Lab): Promise<number> => (await lab.settled(lab.ask())).status

/** The status of a request, or null when nobody listens. */
const reachable = async (lab: Lab): Promise<number | null> => {
  const { listeners } = lab.sidecar.proxy.inspect()
  return listeners.some(({ name }) => name === labListeners.backend) ? status(lab) : null
}

/** A header of the request that the service sees. */
const marked = async (lab: Lab): Promise<unknown> => {
  await lab.settled(lab.ask())
  return lab.services.backend.arrivals[0]?.headers['x-mark'] ?? null
}

/** Who an answer of the proxy itself says it is. */
const server = async (lab: Lab): Promise<unknown> => (await lab.settled(lab.ask())).headers.server

const nothing = yaml('circuitBreakers: {thresholds: [{maxRequests: 0}]}')
const mark = yaml('requestHeadersToAdd: [{header: {key: x-mark, value: here}}]')
const named = yaml('typedConfig: {serverName: shop}')
const manager = 'name: envoy.filters.network.http_connection_manager'
const mutation = yaml(`name: envoy.filters.http.header_mutation
typedConfig: {mutations: {requestMutations: [{append: {header: {key: x-mark, value: here}}}]}}`)

const clusters: readonly PolicyRow[] = [
  row(
    'cluster',
    ['operation', 'match.name'],
    'Remove takes the cluster away',
    'operation: Remove, match: {name: backend}',
    'operation: Remove, match: {name: other}',
    status,
    503,
    200,
  ),
  row(
    'cluster',
    ['value', 'operation'],
    'Patch changes what the value says',
    `operation: Patch, match: {name: backend}, value: ${nothing}`,
    `operation: Patch, match: {name: backend}, value: "connectTimeout: 1s"`,
    status,
    503,
    200,
  ),
  row(
    'cluster',
    ['match.origin'],
    'outbound is every destination',
    `operation: Patch, match: {origin: outbound}, value: ${nothing}`,
    `operation: Patch, match: {origin: inbound}, value: ${nothing}`,
    status,
    503,
    200,
  ),
  row(
    'cluster',
    ['jsonPatches[].op', 'jsonPatches[].path', 'jsonPatches[].value'],
    'changes one field',
    'operation: Patch, match: {name: backend}, jsonPatches: [{op: add, path: /circuitBreakers/thresholds/-/maxRequests, value: 0}]',
    'operation: Patch, match: {name: backend}, jsonPatches: [{op: add, path: /circuitBreakers/thresholds/-/maxRequests, value: 9}]',
    status,
    503,
    200,
  ),
]

const listeners: readonly PolicyRow[] = [
  row(
    'listener',
    ['operation', 'match.name'],
    'Remove: nobody listens there',
    "operation: Remove, match: {name: 'outbound:127.0.0.1:10001'}",
    "operation: Remove, match: {name: 'outbound:127.0.0.1:10002'}",
    reachable,
    null,
    200,
  ),
  row(
    'listener',
    ['match.origin'],
    'outbound is every outbound',
    'operation: Remove, match: {origin: outbound}',
    'operation: Remove, match: {origin: inbound}',
    reachable,
    null,
    200,
  ),
  row(
    'listener',
    ['match.tags'],
    'are those of the outbound or inbound',
    'operation: Remove, match: {tags: {kuma.io/service: backend}}',
    'operation: Remove, match: {tags: {kuma.io/service: other}}',
    reachable,
    null,
    200,
  ),
]

const faultFilter = 'name: envoy.filters.http.fault'
const httpFilters: readonly PolicyRow[] = [
  row(
    'httpFilter',
    ['operation', 'match.name'],
    'Remove takes a policy away',
    `operation: Remove, match: {${faultFilter}}`,
    'operation: Remove, match: {name: envoy.filters.http.local_ratelimit}',
    status,
    200,
    418,
    'inbound',
  ),
  row(
    'httpFilter',
    ['match.origin'],
    'inbound is every inbound',
    `operation: Remove, match: {${faultFilter}, origin: inbound}`,
    `operation: Remove, match: {${faultFilter}, origin: outbound}`,
    status,
    200,
    418,
    'inbound',
  ),
  row(
    'httpFilter',
    ['match.listenerName'],
    'is the listener it stands in',
    `operation: Remove, match: {${faultFilter}, listenerName: 'inbound:10.0.0.1:8080'}`,
    `operation: Remove, match: {${faultFilter}, listenerName: 'inbound:10.0.0.1:8081'}`,
    status,
    200,
    418,
    'inbound',
  ),
  row(
    'httpFilter',
    ['match.listenerTags'],
    'are those of its listener',
    `operation: Remove, match: {${faultFilter}, listenerTags: {kuma.io/service: web}}`,
    `operation: Remove, match: {${faultFilter}, listenerTags: {kuma.io/service: other}}`,
    status,
    200,
    418,
    'inbound',
  ),
  row(
    'httpFilter',
    ['value', 'operation'],
    'AddFirst, AddLast, AddBefore and AddAfter add changes of headers',
    `operation: AddLast, match: {origin: outbound}, value: ${mutation}`,
    `operation: AddLast, match: {origin: inbound}, value: ${mutation}`,
    marked,
    'here',
    null,
  ),
]

const networkFilters: readonly PolicyRow[] = [
  row(
    'networkFilter',
    ['operation', 'value', 'match.name'],
    'Patch changes what is done with HTTP',
    `operation: Patch, match: {${manager}}, value: ${named}`,
    `operation: Patch, match: {name: envoy.filters.network.tcp_proxy}, value: "typedConfig: {idleTimeout: 1s}"`,
    server,
    'shop',
    'outrider',
    'inbound',
  ),
  row(
    'networkFilter',
    ['match.origin'],
    'inbound is every inbound',
    `operation: Patch, match: {${manager}, origin: inbound}, value: ${named}`,
    `operation: Patch, match: {${manager}, origin: outbound}, value: ${named}`,
    server,
    'shop',
    'outrider',
    'inbound',
  ),
  row(
    'networkFilter',
    ['match.listenerName'],
    'is the listener it stands in',
    `operation: Patch, match: {${manager}, listenerName: 'inbound:10.0.0.1:8080'}, value: ${named}`,
    `operation: Patch, match: {${manager}, listenerName: 'inbound:10.0.0.1:8081'}, value: ${named}`,
    server,
    'shop',
    'outrider',
    'inbound',
  ),
  row(
    'networkFilter',
    ['match.listenerTags'],
    'are those of its listener',
    `operation: Patch, match: {${manager}, listenerTags: {kuma.io/service: web}}, value: ${named}`,
    `operation: Patch, match: {${manager}, listenerTags: {kuma.io/service: other}}, value: ${named}`,
    server,
    'shop',
    'outrider',
    'inbound',
  ),
  row(
    'networkFilter',
    ['jsonPatches[].op', 'jsonPatches[].path', 'jsonPatches[].value'],
    'changes one field',
    `operation: Patch, match: {${manager}}, jsonPatches: [{op: replace, path: /typedConfig/serverName, value: shop}]`,
    `operation: Patch, match: {${manager}}, jsonPatches: [{op: replace, path: /typedConfig/mergeSlashes, value: true}]`,
    server,
    'shop',
    'outrider',
    'inbound',
  ),
]

const virtualHosts: readonly PolicyRow[] = [
  row(
    'virtualHost',
    ['operation'],
    'Remove: no route is left',
    'operation: Remove, match: {name: backend}',
    'operation: Remove, match: {name: other}',
    status,
    404,
    200,
  ),
  row(
    'virtualHost',
    ['value', 'match.name', 'operation'],
    'Patch changes headers on all its routes',
    `operation: Patch, match: {name: backend}, value: ${mark}`,
    `operation: Patch, match: {name: other}, value: ${mark}`,
    marked,
    'here',
    null,
  ),
  row(
    'virtualHost',
    ['match.origin'],
    'outbound is every outbound',
    `operation: Patch, match: {origin: outbound}, value: ${mark}`,
    `operation: Patch, match: {origin: inbound}, value: ${mark}`,
    marked,
    'here',
    null,
  ),
  row(
    'virtualHost',
    ['match.routeConfigurationName'],
    'is the table it stands in',
    `operation: Patch, match: {routeConfigurationName: 'outbound:127.0.0.1:10001'}, value: ${mark}`,
    `operation: Patch, match: {routeConfigurationName: 'outbound:127.0.0.1:10002'}, value: ${mark}`,
    marked,
    'here',
    null,
  ),
]

export const meshProxyPatch: PolicyTable = {
  kind: 'MeshProxyPatch',
  section: 'proxy',
  rows: [...clusters, ...listeners, ...httpFilters, ...networkFilters, ...virtualHosts],
}
