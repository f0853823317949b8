import { durationMs } from '../duration.ts'
import type { Path, Reporter } from '../report.ts'
import { checkAccessLog } from './checks/access-log.ts'
import { confsOf } from './checks/confs.ts'
import { checkDataplane } from './checks/dataplane.ts'
import { checkExternalService } from './checks/external-service.ts'
import { checkHeaderChanges } from './checks/headers.ts'
import { checkHostnameGenerator } from './checks/hostname-generator.ts'
import { checkLoadBalancing } from './checks/load-balancing.ts'
import { checkMesh } from './checks/mesh.ts'
import { warnOfNoEffect } from './checks/no-effect.ts'
import { checkPassthrough } from './checks/passthrough.ts'
import { checkPolicy } from './checks/policy.ts'
import { checkProxyPatch } from './checks/proxy-patch.ts'
import { checkRetry } from './checks/retry.ts'
import { checkHttpRoute, checkTcpRoute } from './checks/routes.ts'
import { checkMetric, checkTrace } from './checks/telemetry.ts'
import { checkTls } from './checks/tls.ts'
import { checkTrafficPermission } from './checks/traffic-permission.ts'
import type { Kind, Resource } from './resources.ts'
import { meshFaultInjectionConf } from './schemas/mesh-fault-injection.ts'
import { meshHealthCheckConf } from './schemas/mesh-health-check.ts'
import { meshRateLimitConf } from './schemas/mesh-rate-limit.ts'
import { identityValues, templateProblem } from './template.ts'

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
  only('Mesh', checkMesh),
  only('MeshRateLimit', (policy, reporter) => {
    for (const { path, conf } of confsOf(policy, meshRateLimitConf)) {
      const { http, tcp } = conf.local ?? {}
      const at: Path = [...path, 'local']
      checkRate(policy, [...at, 'http', 'requestRate'], http?.requestRate, reporter)
      checkRate(policy, [...at, 'tcp', 'connectionRate'], tcp?.connectionRate, reporter)
      const headers: Path = [...at, 'http', 'onRateLimit', 'headers']
      checkHeaderChanges(policy, http?.onRateLimit?.headers, headers, reporter)
    }
  }),
  only('MeshFaultInjection', (policy, reporter) => {
    for (const { path, conf } of confsOf(policy, meshFaultInjectionConf)) {
      for (const [index, { delay }] of (conf.http ?? []).entries()) {
        if (delay === undefined || durationMs(delay.value) <= 3_600_000) continue
        reporter.error(policy, [...path, 'http', index, 'delay', 'value'], 'must be at most 1h')
      }
    }
  }),
  only('MeshHealthCheck', (policy, reporter) => {
    for (const { path, conf } of confsOf(policy, meshHealthCheckConf)) {
      const at: Path = [...path, 'http', 'requestHeadersToAdd']
      checkHeaderChanges(policy, conf.http?.requestHeadersToAdd, at, reporter)
    }
  }),
  only('MeshTrafficPermission', checkTrafficPermission),
  only('MeshAccessLog', checkAccessLog),
  only('MeshRetry', checkRetry),
  only('MeshLoadBalancingStrategy', checkLoadBalancing),
  only('MeshTLS', checkTls),
  only('MeshTrace', checkTrace),
  only('MeshMetric', checkMetric),
  only('MeshPassthrough', checkPassthrough),
  only('MeshProxyPatch', checkProxyPatch),
  only('MeshExternalService', checkExternalService),
  only('HostnameGenerator', checkHostnameGenerator),
  only('MeshIdentity', (identity, reporter) => {
    for (const [key, template] of Object.entries(identity.body.spec.spiffeID ?? {})) {
      const problem = templateProblem(template ?? '', identityValues)
      if (problem !== null) reporter.error(identity, ['spec', 'spiffeID', key], problem)
    }
  }),
]

function checkRate(
  policy: Resource,
  path: Path,
  rate: { readonly interval: string } | undefined,
  reporter: Reporter,
): void {
  if (rate === undefined || durationMs(rate.interval) >= 50) return
  reporter.error(policy, [...path, 'interval'], 'must be at least 50ms')
}
