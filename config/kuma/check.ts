import * as v from 'valibot'
import { isRecord } from '../../proxy/problems.ts'
import type { SourceDocument } from '../files.ts'
import { didYouMean } from '../nearest.ts'
import type { Path, Reporter, Subject } from '../report.ts'
import { inspectFields } from './fields.ts'
import { checkMeaning } from './meaning.ts'
import { foreignKinds, type Kind, type Resource, resourceSchemas } from './resources.ts'

/** A document as a resource, or null when it is none or has errors; what is wrong goes to the reporter. */
export function checkDocument(document: SourceDocument, reporter: Reporter): Resource | null {
  const value = withoutNulls(document.value)
  const subject = subjectOf(document, value)
  if (!isRecord(value)) {
    reporter.error(subject, [], 'must be a map with type, name and so on')
    return null
  }
  const kind = kindOf(value, subject, reporter)
  return kind === null ? null : checkBody(kind, value, subject, reporter)
}

function checkBody(
  kind: Kind,
  value: Readonly<Record<string, unknown>>,
  subject: Subject,
  reporter: Reporter,
): Resource | null {
  let errors = 0
  const error: Reporter['error'] = (about, path, message, options) => {
    errors += 1
    reporter.error(about, path, message, options)
  }
  const schema = resourceSchemas[kind]
  inspectFields(schema, value, [], {
    error: (path, message, options) => error(subject, path, message, options),
    warn: (path, message, options) => reporter.warn(subject, path, message, options),
  })
  const result = v.safeParse(schema, value)
  for (const issue of result.issues ?? []) reportIssue(issue, kind, subject, error)
  if (!result.success || errors > 0) return null
  const { name } = result.output
  const resource = {
    ...subject,
    kind,
    name,
    mesh: kind === 'Mesh' ? name : (result.output.mesh ?? 'default'),
    labels: result.output.labels ?? {},
    body: result.output,
  } as Resource
  checkMeaning(resource, { ...reporter, error })
  return errors > 0 ? null : resource
}

function reportIssue(
  issue: v.BaseIssue<unknown>,
  kind: Kind,
  subject: Subject,
  error: Reporter['error'],
): void {
  const path: Path = (issue.path ?? []).map(({ key }) => key as string | number)
  // Unknown fields are reported by `inspectFields`, all of them and with a hint.
  if (issue.expected === 'never') return
  if (issue.kind === 'schema' && issue.type === 'strict_object' && issue.received === 'undefined') {
    error(subject, path, 'is required')
    return
  }
  const hint = hintFor(issue)
  // What may be a key is not repeated.
  const got = kind === 'Secret' && path[0] === 'data' ? '' : `, got ${show(issue.input)}`
  error(subject, path, `${issue.message}${got}`, { hint })
}

function hintFor({ message, input, expected }: v.BaseIssue<unknown>): string | null {
  if (message === 'must be a string' && ['number', 'boolean'].includes(typeof input)) {
    return `put it in quotes: "${String(input)}"`
  }
  if (typeof input !== 'string') return null
  if (expected === 'number' && /^\d+$/.test(input)) return 'write it without quotes'
  if (expected === 'boolean' && /^(?:true|false)$/.test(input)) return 'write it without quotes'
  const quoted = [...(expected ?? '').matchAll(/"([^"]+)"/g)].map(([, word]) => word ?? '')
  const words = quoted.length > 0 ? quoted : (/one of (.+)$/.exec(message)?.[1]?.split(', ') ?? [])
  return didYouMean(input, words)
}

function kindOf(
  value: Readonly<Record<string, unknown>>,
  subject: Subject,
  reporter: Reporter,
): Kind | null {
  const { type, apiVersion, kind } = value
  if (apiVersion !== undefined && kind !== undefined) {
    const hint = 'write type, mesh, name and spec at the top level'
    reporter.error(subject, [], 'is in the Kubernetes form; the universal form is read', { hint })
    return null
  }
  if (typeof type !== 'string') {
    const isBootstrap = ['static_resources', 'dynamic_resources'].some((key) => key in value)
    const hint = isBootstrap ? 'for Envoy there is run --bootstrap' : 'as in "type: Dataplane"'
    reporter.error(subject, [], 'is no Kuma resource: the field "type" is missing', { hint })
    return null
  }
  if (isKind(type)) return type
  const instead = Object.hasOwn(foreignKinds, type) ? foreignKinds[type] : undefined
  if (instead !== undefined) {
    reporter.warn(subject, ['type'], `${type} is not supported and has no effect`, {
      hint: instead,
    })
    return null
  }
  const hint = didYouMean(type, [...Object.keys(resourceSchemas), ...Object.keys(foreignKinds)])
  reporter.error(subject, ['type'], `unknown resource type ${JSON.stringify(type)}`, { hint })
  return null
}

const isKind = (type: string): type is Kind => Object.hasOwn(resourceSchemas, type)

function subjectOf({ file, index }: SourceDocument, value: unknown): Subject {
  const { type, name } = isRecord(value) ? value : {}
  const label = [type, name].filter((part) => typeof part === 'string').join('/')
  return { file, index, label }
}

/** A field without a value is a field left out, as it is for Kuma. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isRecord(value)) return value
  const kept = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(kept.map(([key, field]) => [key, withoutNulls(field)]))
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'a map'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
