import { durationMs } from '../../duration.ts'
import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { type MeshRetryConf, meshRetryConf } from '../schemas/mesh-retry.ts'
import { confsOf } from './confs.ts'
import { checkHeaderMatch, checkHeaderName } from './headers.ts'

type Http = NonNullable<MeshRetryConf['http']>

/** Reports conditions that cannot be told and pauses that cannot be kept. Kuma: MeshRetry `validateDefault`. */
export function checkRetry(policy: Resource<'MeshRetry'>, reporter: Reporter): void {
  for (const { path, conf } of confsOf(policy, meshRetryConf)) {
    const { http, grpc } = conf
    for (const [section, pauses] of Object.entries({ http: http ?? {}, grpc: grpc ?? {} })) {
      checkBackOff(policy, pauses.backOff, [...path, section, 'backOff'], reporter)
      for (const [index, { name }] of (pauses.rateLimitedBackOff?.resetHeaders ?? []).entries()) {
        const at: Path = [...path, section, 'rateLimitedBackOff', 'resetHeaders', index, 'name']
        checkHeaderName(policy, name, at, reporter)
      }
    }
    if (http === undefined) continue
    for (const list of ['retriableRequestHeaders', 'retriableResponseHeaders'] as const) {
      for (const [index, match] of (http[list] ?? []).entries()) {
        checkHeaderMatch(policy, match, [...path, 'http', list, index], reporter)
      }
    }
    checkHostSelection(policy, http, [...path, 'http', 'hostSelection'], reporter)
  }
}

function checkBackOff(
  policy: Resource,
  backOff: Http['backOff'],
  path: Path,
  reporter: Reporter,
): void {
  const { baseInterval = '25ms', maxInterval } = backOff ?? {}
  if (maxInterval === undefined || durationMs(maxInterval) >= durationMs(baseInterval)) return
  reporter.error(
    policy,
    [...path, 'maxInterval'],
    `must be at least baseInterval (${baseInterval})`,
  )
}

function checkHostSelection(
  policy: Resource,
  { hostSelection = [] }: Http,
  path: Path,
  reporter: Reporter,
): void {
  for (const [index, { predicate, tags }] of hostSelection.entries()) {
    if (predicate === 'OmitHostsWithTags' && tags === undefined) {
      reporter.error(policy, [...path, index, 'predicate'], 'needs the field "tags" beside it')
    }
  }
}
