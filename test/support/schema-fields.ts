import { type Kind, resourceSchemas } from '../../config/kuma/resources.ts'
import * as values from '../../config/kuma/schemas/values.ts'

/** A field of a resource that holds a value, or a list of values. */
export interface SchemaField {
  /** `http.retryOn`, `backends[].type`. */
  readonly path: string
  readonly description: string
  readonly default: string | number | boolean | null
  /** `duration`, `%` …, or the words it may be. */
  readonly unit: string
  /** Set where Kuma has the field and nothing is done with it here; the hint may be empty. */
  readonly unsupported: string | null
  /** Why nothing is to be seen of it: there is one value, or none. Null: there is. */
  readonly fixed: string | null
}

/** As much of a schema of valibot as is looked at. */
interface Node {
  readonly type: string
  readonly wrapped?: Node
  readonly pipe?: readonly Node[]
  readonly entries?: Readonly<Record<string, Node>>
  readonly item?: Node
  readonly options?: readonly unknown[]
  readonly metadata?: {
    readonly description?: string
    readonly default?: string | number | boolean
    readonly unsupported?: boolean
    readonly hint?: string | null
  }
}

/** What a resource is for, and its fields: of a policy its settings, of any other its `spec`. */
export function fieldsOf(kind: Kind): { readonly about: string; readonly fields: SchemaField[] } {
  const schema = resourceSchemas[kind] as unknown as Node
  return {
    about: metadataOf(schema).description ?? '',
    fields: leaves(settingsOf(part(schema, 'spec') ?? schema), '', {}),
  }
}

/** What stands in `default`, of routes a rule, of everything else the whole. */
function settingsOf(spec: Node): Node {
  const list = part(spec, 'rules') ?? part(spec, 'to') ?? part(spec, 'from')
  const entry = list === undefined ? spec : (bare(list).item ?? list)
  const rules = part(entry, 'rules')
  return part(entry, 'default') ?? (rules === undefined ? spec : (bare(rules).item ?? rules))
}

const part = (node: Node, key: string): Node | undefined => bare(node).entries?.[key]

/** The schema under what is optional and what is said about it. */
function bare(node: Node): Node {
  if (units.has(node)) return node
  const inner = node.pipe?.[0] ?? node.wrapped
  return inner === undefined || inner === node ? node : bare(inner)
}

const metadataOf = (node: Node): NonNullable<Node['metadata']> => {
  const inner = node.pipe?.[0] ?? node.wrapped
  const under = inner === undefined || units.has(node) ? {} : metadataOf(inner)
  return Object.assign({ ...under }, ...(node.pipe ?? []).map(({ metadata }) => metadata ?? {}))
}

function leaves(node: Node, path: string, above: NonNullable<Node['metadata']>): SchemaField[] {
  const said = { ...pick(above), ...metadataOf(node) }
  const { entries, item, type, options } = bare(node)
  if (entries !== undefined && Object.keys(entries).length > 0) {
    return Object.entries(entries).flatMap(([key, field]) =>
      leaves(field, path === '' ? key : `${path}.${key}`, said),
    )
  }
  if (item !== undefined && bare(item).entries !== undefined) return leaves(item, `${path}[]`, said)
  const single = bare(item ?? node)
  const words = type === 'picklist' ? options : single.type === 'picklist' ? single.options : null
  return [
    {
      path,
      description: said.description ?? '',
      default: said.default ?? null,
      unit: `${words?.join(', ') ?? units.get(single) ?? (single.type === 'string' ? 'text' : '')}${item === undefined ? '' : ' (list)'}`,
      unsupported: said.unsupported === true ? (said.hint ?? '') : null,
      fixed: fixedBecause(entries, words),
    },
  ]
}

function fixedBecause(entries: Node['entries'], words: Node['options'] | null): string | null {
  if (entries !== undefined) return 'has nothing to set'
  return words?.length === 1 ? 'has no other value' : null
}

/** What a part inherits from the whole: that it has no effect. */
const pick = ({ unsupported, hint }: NonNullable<Node['metadata']>) =>
  unsupported === true ? { unsupported, hint: hint ?? null } : {}

const units: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [values.duration, 'duration'],
  [values.span, 'duration'],
  [values.percent, '%'],
  [values.wholePercent, '%'],
  [values.integer, 'number'],
  [values.decimal, 'number'],
  [values.port, 'port'],
  [values.portOrName, 'port or name'],
  [values.status, 'HTTP status'],
  [values.finalStatus, 'HTTP status'],
  [values.errorStatus, 'HTTP status'],
  [values.flag, 'true, false'],
  [values.base64, 'base64'],
  [values.headerName, 'header'],
  [values.hostPort, 'host:port'],
  [values.httpUrl, 'URL'],
  [values.urlPath, 'path'],
  [values.filePath, 'path'],
  [values.stringMap, 'map'],
])
