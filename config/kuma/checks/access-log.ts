import { newProblems } from '../../../proxy/problems.ts'
import { checkLogFormat } from '../../../proxy/telemetry/log-format.ts'
import type { Path, Reporter } from '../../report.ts'
import { bodyFields } from '../otlp-body.ts'
import { kumaPlaceholders } from '../placeholders.ts'
import type { Resource } from '../resources.ts'
import type { AccessLogFormat } from '../schemas/mesh-access-log.ts'

/** Reports operators that nobody can render. */
export function checkAccessLog(policy: Resource<'MeshAccessLog'>, reporter: Reporter): void {
  const { to = [], from = [], rules = [] } = policy.body.spec
  for (const [section, entries] of Object.entries({ to, from, rules })) {
    for (const [index, { default: conf }] of entries.entries()) {
      for (const [at, { tcp, file, openTelemetry }] of (conf?.backends ?? []).entries()) {
        const path: Path = ['spec', section, index, 'default', 'backends', at]
        checkFormat(policy, tcp?.format, [...path, 'tcp', 'format'], reporter)
        checkFormat(policy, file?.format, [...path, 'file', 'format'], reporter)
        if (openTelemetry === undefined) continue
        const place: Path = [...path, 'openTelemetry']
        for (const [, text] of bodyFields(openTelemetry.body ?? '')) {
          checkText(policy, text, [...place, 'body'], reporter)
        }
        for (const [index, { value }] of (openTelemetry.attributes ?? []).entries()) {
          checkText(policy, value, [...place, 'attributes', index, 'value'], reporter)
        }
      }
    }
  }
}

function checkFormat(
  policy: Resource,
  format: AccessLogFormat | undefined,
  path: Path,
  reporter: Reporter,
): void {
  if (format?.plain !== undefined) checkText(policy, format.plain, [...path, 'plain'], reporter)
  for (const [index, { value }] of (format?.json ?? []).entries()) {
    checkText(policy, value, [...path, 'json', index, 'value'], reporter)
  }
}

function checkText(policy: Resource, text: string, path: Path, reporter: Reporter): void {
  const resolved = text.replace(/%(KUMA_[A-Z_]+)%/g, (whole, name: string) =>
    kumaPlaceholders.some((known) => known === name) ? '' : whole,
  )
  const problems = newProblems()
  checkLogFormat({ kind: 'text', text: resolved }, '', problems)
  for (const { message } of problems.list) reporter.error(policy, path, message)
}
