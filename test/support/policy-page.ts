import { type Kind, resourceSchemas } from '../../config/kuma/resources.ts'
import type { PolicyTable } from './policy-table.ts'
import { fieldsOf, type SchemaField } from './schema-fields.ts'

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`

const head = `# Policies

Made from the schemas and the tables of tests; do not edit. Every field of every policy, with what holds without it and
the test that shows on real traffic what it does, both ways. The test of a line stands in \`test/policies/\`, in the file named
for the policy, under the title \`<policy> <field>: <text>\`. What has no effect here says why,
and \`validate\` warns of it.
Durations are Go's (\`1h30m\`, \`250ms\`). Differences from Kuma that are meant are in [differences.md](differences.md).

`

/** `docs/policies.md`. */
export function policyPage(tables: readonly PolicyTable[]): string {
  const kinds = (Object.keys(resourceSchemas) as readonly Kind[]).filter(isDescribed).sort()
  const links = kinds.map((kind) => `[${kind}](#${kind.toLowerCase()})`).join(' · ')
  const sections = kinds.map((kind) =>
    section(
      kind,
      tables.find((table) => table.kind === kind),
    ),
  )
  return `${head}${links}\n${sections.join('')}`
}

/** Everything with settings of its own; a Dataplane says where, not how, and a Secret is text that others name. */
const isDescribed = (kind: Kind): boolean => !['Dataplane', 'Mesh', 'Secret'].includes(kind)

function section(kind: Kind, table: PolicyTable | undefined): string {
  const { about, fields } = fieldsOf(kind)
  const lines = fields.map((field) =>
    row(
      `\`${field.path}\``,
      what(field),
      escaped(field.unit),
      field.default === null ? '' : `\`${field.default}\``,
      shownBy(table, field),
    ),
  )
  return `\n## ${kind}\n\n${about}\n\n${row('field', '', 'unit', 'default', 'test')}${row('---', '---', '---', '---', '---')}${lines.join('')}`
}

function what({ description, unsupported }: SchemaField): string {
  if (unsupported === null) return escaped(description)
  return unsupported === '' ? '**No effect.**' : `**No effect**: ${escaped(unsupported)}.`
}

function shownBy(table: PolicyTable | undefined, { path, fixed }: SchemaField): string {
  const rows = table?.rows.filter(({ field, also = [] }) => [field, ...also].includes(path)) ?? []
  return rows.map(({ shows }) => escaped(shows)).join('<br>') || fixed || '—'
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

/** Fields that rows name and no schema knows. */
export const unknownFields = (tables: readonly PolicyTable[]): readonly string[] =>
  tables.flatMap(({ kind, rows }) => {
    const known = new Set(fieldsOf(kind).fields.map(({ path }) => path))
    return rows
      .flatMap(({ field, also = [] }) => [field, ...also])
      .filter((path) => !known.has(path))
      .map((path) => `${kind} ${path}`)
  })
