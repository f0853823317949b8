import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { meshMetricConf } from '../schemas/mesh-metric.ts'
import { meshTraceConf } from '../schemas/mesh-trace.ts'
import { confsOf } from './confs.ts'
import { checkRegex } from './headers.ts'

/** Reports what a span cannot say. Kuma: MeshTrace `validateDefault`. */
export function checkTrace(policy: Resource<'MeshTrace'>, reporter: Reporter): void {
  for (const { path, conf } of confsOf(policy, meshTraceConf)) {
    if ((conf.backends ?? []).length > 1) {
      reporter.error(policy, [...path, 'backends'], 'may hold one backend')
    }
    for (const [index, { literal, header }] of (conf.tags ?? []).entries()) {
      if (literal === undefined || header === undefined) continue
      reporter.error(policy, [...path, 'tags', index], 'may have literal or header, not both')
    }
  }
}

/** Reports selectors that select nothing and pages that are in each other's way. Kuma: MeshMetric `validateDefault`. */
export function checkMetric(policy: Resource<'MeshMetric'>, reporter: Reporter): void {
  for (const { path, conf } of confsOf(policy, meshMetricConf)) {
    for (const list of ['include', 'exclude'] as const) {
      for (const [index, { type, match }] of (conf.sidecar?.profiles?.[list] ?? []).entries()) {
        if (type !== 'Regex') continue
        const at: Path = [...path, 'sidecar', 'profiles', list, index, 'match']
        checkRegex(policy, match, at, reporter)
      }
    }
    const first = new Map<string, number>()
    for (const [index, { type }] of (conf.backends ?? []).entries()) {
      const other = first.get(type)
      if (other === undefined) first.set(type, index)
      else {
        const message = `has no effect beside backends[${other}]: one of type ${type} is used`
        reporter.warn(policy, [...path, 'backends', index], message)
      }
    }
  }
}
