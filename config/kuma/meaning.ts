import { checkAccessLog } from './checks/access-log.ts'
import { checkDataplane } from './checks/dataplane.ts'
import { warnOfFilterState, warnOfNoEffect, warnOfOldTls } from './checks/no-effect.ts'
import { checkPolicy } from './checks/policy.ts'
import { checkHttpRoute, checkTcpRoute } from './checks/routes.ts'
import { checkTrafficPermission } from './checks/traffic-permission.ts'
import { durationMs } from './duration.ts'
import type { Path, Reporter } from './report.ts'
import type { Kind, Resource } from './resources.ts'

/** Reports what each field alone cannot show: fields that exclude or need each other, values that cannot work. */
export function checkMeaning(resource: Resource, reporter: Reporter): void {
  checkPolicy(resource, reporter)
  warnOfNoEffect(resource, reporter)
  for (const check of checks) check(resource, reporter)
}

type Check = (resource: Resource, reporter: Reporter) => void

const is = <K extends Kind>(resource: Resource, kind: K): resource is Resource<K> =>
  resource.kind === kind

/** A check that looks at one kind only. */
const only =
  <K extends Kind>(kind: K, check: (resource: Resource<K>, reporter: Reporter) => void): Check =>
  (resource, reporter) => {
    if (is(resource, kind)) check(resource, reporter)
  }

const checks: readonly Check[] = [
  only('Dataplane', checkDataplane),
  only('MeshHTTPRoute', checkHttpRoute),
  only('MeshTCPRoute', checkTcpRoute),
  only('Mesh', (mesh, reporter) => {
    const { enabledBackend, backends } = mesh.body.mtls ?? {}
    if (!enabledBackend || backends?.some(({ name }) => name === enabledBackend)) return
    const names = (backends ?? []).map(({ name }) => name).join(', ') || 'there are none'
    const path = ['mtls', 'enabledBackend']
    reporter.error(mesh, path, `must name one of mtls.backends (${names})`)
  }),
  only('MeshTimeout', (policy, reporter) => {
    for (const [index, { default: conf }] of (policy.body.spec.to ?? []).entries()) {
      if (conf?.connectionTimeout === undefined || durationMs(conf.connectionTimeout) > 0) continue
      const path = ['spec', 'to', index, 'default', 'connectionTimeout']
      reporter.error(policy, path, 'must be longer than 0s')
    }
  }),
  only('MeshRateLimit', (policy, reporter) => {
    const { from = [], rules = [] } = policy.body.spec
    for (const [section, entries] of Object.entries({ from, rules })) {
      for (const [index, { default: conf }] of entries.entries()) {
        const path = ['spec', section, index, 'default', 'local']
        checkRate(
          policy,
          [...path, 'http', 'requestRate'],
          conf?.local?.http?.requestRate,
          reporter,
        )
        checkRate(
          policy,
          [...path, 'tcp', 'connectionRate'],
          conf?.local?.tcp?.connectionRate,
          reporter,
        )
      }
    }
  }),
  only('MeshTrafficPermission', checkTrafficPermission),
  only('MeshAccessLog', checkAccessLog),
  only('MeshLoadBalancingStrategy', warnOfFilterState),
  only('MeshTLS', warnOfOldTls),
  only('MeshTrace', (policy, reporter) => {
    const path: Path = ['spec', 'default', 'backends']
    const backends = policy.body.spec.default?.backends ?? []
    if (backends.length > 1) reporter.error(policy, path, 'may hold one backend')
    for (const [index, { zipkin, datadog }] of backends.entries()) {
      for (const [kind, section] of Object.entries({ zipkin, datadog })) {
        if (section === undefined || URL.canParse(section.url)) continue
        reporter.error(policy, [...path, index, kind, 'url'], 'must be a URL')
      }
    }
  }),
  only('MeshExternalService', (service, reporter) => {
    for (const [index, { address, port }] of (service.body.spec.endpoints ?? []).entries()) {
      if (port === undefined && !address.startsWith('unix://')) {
        reporter.error(service, ['spec', 'endpoints', index, 'port'], 'is required')
      }
    }
  }),
]

function checkRate(
  policy: Resource,
  path: Path,
  rate: { readonly num: number; readonly interval: string } | undefined,
  reporter: Reporter,
): void {
  if (rate === undefined) return
  if (durationMs(rate.interval) < 50) {
    reporter.error(policy, [...path, 'interval'], 'must be at least 50ms')
  }
  if (rate.num === 0) reporter.error(policy, [...path, 'num'], 'must be at least 1')
}
