import { checkCluster } from '../../../proxy/model/cluster-check.ts'
import { checkEndpointGroup } from '../../../proxy/model/endpoint-check.ts'
import { checkListener } from '../../../proxy/model/listener-check.ts'
import { checkRouteTable } from '../../../proxy/model/route-check.ts'
import { checkSecret } from '../../../proxy/model/secret-check.ts'
import { newProblems, type Problems, type Raw } from '../../../proxy/problems.ts'
import type { Finding } from '../reading/report.ts'
import type { Translations } from '../reading/translate.ts'
import type { ResourceKind } from './resource-type.ts'

/**
 * The model's own checks over what a translation made: bounds that the model has and Envoy has not, such as the size of a
 * table. Paths are those of the model.
 */
export function checkModel<K extends ResourceKind>(
  kind: K,
  value: Translations[K],
): readonly Finding[] {
  const problems = newProblems()
  checks[kind](value, problems)
  return problems.list.map(({ path, message }) => ({
    path,
    message,
    hint: 'names are those of /config_dump of the admin server',
    severity: 'error',
  }))
}

const checks: {
  readonly [K in ResourceKind]: (value: Translations[K], problems: Problems) => void
} = {
  clusters({ cluster, endpoints, secrets }, problems) {
    check(cluster, checkCluster, problems)
    check(endpoints, checkEndpointGroup, problems)
    for (const secret of secrets) check(secret, checkSecret, problems)
  },
  endpoints: (group, problems) => check(group, checkEndpointGroup, problems),
  listeners({ listener, routeTables, secrets }, problems) {
    check(listener, checkListener, problems)
    for (const table of routeTables) check(table, checkRouteTable, problems)
    for (const secret of secrets) check(secret, checkSecret, problems)
  },
  routeTables: (table, problems) => check(table, checkRouteTable, problems),
  secrets: (secret, problems) => check(secret, checkSecret, problems),
}

function check<T extends object>(
  resource: T | null,
  run: (raw: Raw, problems: Problems) => T,
  problems: Problems,
): void {
  if (resource !== null) run(Object.fromEntries(Object.entries(resource)), problems)
}
