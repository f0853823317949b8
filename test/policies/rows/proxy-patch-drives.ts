import { type Lab, type LabListener, labListeners } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'

type Kind = 'cluster' | 'listener' | 'networkFilter' | 'httpFilter' | 'virtualHost'

export const yaml = (text: string): string => JSON.stringify(text)

/** A modification of one kind. */
export const row = (
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

export const status = async (lab: Lab): Promise<number> => (await lab.settled(lab.ask())).status

/** The status of a request, or null when nobody listens. */
export const reachable = async (lab: Lab): Promise<number | null> => {
  const { listeners } = lab.sidecar.proxy.inspect()
  return listeners.some(({ name }) => name === labListeners.backend) ? status(lab) : null
}

/** A header of the request that the service sees. */
export const marked = async (lab: Lab): Promise<unknown> => {
  await lab.settled(lab.ask())
  return lab.services.backend.arrivals[0]?.headers['x-mark'] ?? null
}

/** Who an answer of the proxy itself says it is. */
export const server = async (lab: Lab): Promise<unknown> =>
  (await lab.settled(lab.ask())).headers.server

export const nothing = yaml('circuitBreakers: {thresholds: [{maxRequests: 0}]}')
export const mark = yaml('requestHeadersToAdd: [{header: {key: x-mark, value: here}}]')
export const named = yaml('typedConfig: {serverName: shop}')
export const manager = 'name: envoy.filters.network.http_connection_manager'
export const mutation = yaml(`name: envoy.filters.http.header_mutation
typedConfig: {mutations: {requestMutations: [{append: {header: {key: x-mark, value: here}}}]}}`)
