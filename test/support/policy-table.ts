import type { Test } from 'tap'
import type { Environment } from '../../config/environment.ts'
import type { Kind } from '../../config/kuma/resources.ts'
import { type Lab, type LabListener, startLab } from './lab.ts'
import type { LabProtocol } from './lab-mesh.ts'

/** One field of a policy, and what it does to traffic. */
export interface PolicyRow {
  /** Path of the field in the settings, `[]` after a list of maps: `http.hostSelection[].tags`. */
  readonly field: string
  /** Fields beside it that the row shows as well. */
  readonly also?: readonly string[]
  /** What one sees of it: the rest of a sentence that begins with the field. */
  readonly shows: string
  /** The settings with the field, YAML in flow style. */
  readonly set: string
  /** The same without it; null: no such policy at all. */
  readonly unset: string | null
  /** Where the settings stand. Default: as the table says. */
  readonly in?: Section
  /** Where traffic goes. Default: where the settings hold. */
  readonly listener?: LabListener
  /** What the applications speak. Default http. */
  readonly protocol?: LabProtocol
  /** Mutual TLS in the mesh. Default: as the table says, else no. */
  readonly mtls?: boolean
  /** More resources, in both cases. */
  readonly beside?: string
  /** Files in `{{dir}}`. */
  readonly files?: Readonly<Record<string, string>>
  /** Variables that data sources may name. */
  readonly environment?: Environment
  /** Sends traffic and answers what was seen. */
  readonly drive: (lab: Lab) => Promise<unknown>
  /** What is seen with the field … */
  readonly expect: unknown
  /** … and without. */
  readonly otherwise: unknown
}

/**
 * `to`: what the sidecar sends; `rules`: what it receives; `proxy`: settings of the whole proxy; `routes`: what is given are
 * rules for what goes to `backend`; `spec`: it is the whole `spec`.
 */
export type Section = 'to' | 'rules' | 'proxy' | 'routes' | 'spec'

/** A policy with everything that `docs/policies.md` tells of it. */
export interface PolicyTable {
  readonly kind: Kind
  readonly section: Section
  /** Name of the resource. Default p. */
  readonly name?: string
  readonly mtls?: boolean
  readonly beside?: string
  readonly rows: readonly PolicyRow[]
}

/** Title of the test of a row. */
export const rowTitle = ({ kind }: PolicyTable, { field, shows }: PolicyRow): string =>
  `${kind} ${field}: ${shows}`

/** Runs every row twice on real traffic, with the field and without it. */
export function testPolicy(t: Test, table: PolicyTable): void {
  for (const row of table.rows) {
    t.test(rowTitle(table, row), async (t) => {
      t.same(await seen(t, table, row, row.set), row.expect, 'set')
      t.same(await seen(t, table, row, row.unset), row.otherwise, 'not set')
    })
  }
}

async function seen(
  t: Test,
  table: PolicyTable,
  row: PolicyRow,
  conf: string | null,
): Promise<unknown> {
  const { protocol = 'http', mtls = table.mtls ?? false, beside = table.beside ?? '' } = row
  const section = row.in ?? table.section
  const policy =
    conf === null
      ? ''
      : `type: ${table.kind}\nname: ${table.name ?? 'p'}\nspec: ${specOf(section, conf)}\n`
  const {
    listener = section === 'rules' ? 'inbound' : 'backend',
    files = {},
    environment = {},
  } = row
  const resources = [policy, beside].filter((text) => text !== '').join('\n---\n')
  return row.drive(await startLab(t, { protocol, mtls, resources, listener, files, environment }))
}

function specOf(section: Section, conf: string): string {
  switch (section) {
    case 'to':
      return `{to: [{targetRef: {kind: Mesh}, default: ${conf}}]}`
    case 'rules':
      return `{rules: [{default: ${conf}}]}`
    case 'proxy':
      return `{default: ${conf}}`
    case 'routes':
      return `{to: [{targetRef: {kind: MeshService, name: backend}, rules: [${conf}]}]}`
    case 'spec':
      return conf
    default:
      return section satisfies never
  }
}
