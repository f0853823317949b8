import type { Stats } from '../../../proxy/telemetry/metrics.ts'
import type { Lab } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import { marked, row, status } from './proxy-patch-drives.ts'

/** Requests that the metrics of a listener called `shop` have counted; null when there is none. */
async function counted(lab: Lab): Promise<unknown> {
  await status(lab)
  const named = (one: Stats): one is Stats<'http'> => one.scope === 'http' && one.name === 'shop'
  return lab.sidecar.proxy.stats().find(named)?.counters.downstream_rq_total ?? null
}

const oneField = ['jsonPatches[].op', 'jsonPatches[].path', 'jsonPatches[].value'] as const
const patch = (path: string, value: string): string =>
  `jsonPatches: [{op: add, path: ${path}, value: ${value}}]`
const outbound = "operation: Patch, match: {name: 'outbound:127.0.0.1:10001'}"
const abort = 'operation: Patch, match: {name: envoy.filters.http.fault}'
const host = 'operation: Patch, match: {name: backend}'
const header = '[{header: {key: x-mark, value: here}}]'

/** MeshProxyPatch: fields of listeners, filters of requests and virtual hosts, by name or by JSON Patch. */
export const jsonPatches: readonly PolicyRow[] = [
  row(
    'listener',
    ['value', 'operation'],
    'Patch changes what the value says, as the name of its metrics',
    `${outbound}, value: "statPrefix: shop"`,
    `${outbound}, value: "statPrefix: other"`,
    counted,
    1,
    null,
  ),
  row(
    'listener',
    oneField,
    'changes one field',
    `${outbound}, ${patch('/statPrefix', 'shop')}`,
    `${outbound}, ${patch('/stat_prefix', 'other')}`,
    counted,
    1,
    null,
  ),
  row(
    'httpFilter',
    ['value', 'operation'],
    'Patch changes a fault',
    `${abort}, value: "typedConfig: {abort: {httpStatus: 503}}"`,
    `${abort}, value: "typedConfig: {abort: {percentage: {numerator: 100}}}"`,
    status,
    503,
    418,
    'inbound',
  ),
  row(
    'httpFilter',
    oneField,
    'changes one field',
    `${abort}, ${patch('/typedConfig/abort/percentage', '{numerator: 0}')}`,
    `${abort}, ${patch('/typedConfig/abort/percentage', '{numerator: 1000000, denominator: MILLION}')}`,
    status,
    200,
    418,
    'inbound',
  ),
  row(
    'virtualHost',
    oneField,
    'changes one field',
    `${host}, ${patch('/requestHeadersToAdd', header)}`,
    `${host}, ${patch('/responseHeadersToAdd', header)}`,
    marked,
    'here',
    null,
  ),
]
