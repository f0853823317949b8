import type { Log } from '../../../proxy/log.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import type { AgentSettings } from '../../settings.ts'
import { type Emission, logProblem, type SourceProblem } from '../../source.ts'
import type { Finding } from '../reading/report.ts'
import type { Refusal } from './inventory.ts'
import { type ResourceKind, resourceKinds, resourceTypes } from './resource-type.ts'
import type { Store } from './store.ts'

const noMetrics: AgentSettings['metrics'] = {
  prometheus: null,
  openTelemetry: null,
  sidecar: { profile: 'all', include: [], exclude: [], includeUnused: false },
  applications: [],
}

/** What the agent is told: what serves, and everything that is refused, waits or is only partly honoured. */
export function emissionOf(store: Store, snapshot: Snapshot, warming: readonly string[]): Emission {
  const parts = [...store.held.listeners.values()].map(({ value }) => value.agent)
  const metrics = parts.find((part) => part?.metrics != null)?.metrics ?? noMetrics
  const dns = parts.find((part) => part?.dns != null)?.dns ?? null
  return {
    snapshot,
    settings: { metrics, admin: { port: null }, bundles: [], dns },
    identity: null,
    problems: problemsOf(store, warming),
  }
}

function problemsOf(store: Store, warming: readonly string[]): readonly SourceProblem[] {
  const warnings = resourceKinds.flatMap((kind) =>
    [...store.held[kind].values()].flatMap(({ name, warnings }) =>
      warnings.map((finding) => problem(kind, name, finding)),
    ),
  )
  const waits = warming.map((message) => ({ ...nowhere, message, severity: 'warning' as const }))
  const refusals = [...store.refusals.values()].flatMap(refusalProblems)
  // They keep one resource from being used, not the configuration.
  return [
    ...refusals.map((one) => ({ ...one, severity: 'warning' as const })),
    ...warnings,
    ...waits,
  ]
}

const nowhere = { file: '', line: 0, column: 0, resource: '', path: '', hint: null }

const problem = (
  kind: ResourceKind,
  name: string,
  { path, message, hint, severity }: Finding,
): SourceProblem => ({
  file: '',
  line: 0,
  column: 0,
  resource: `${resourceTypes[kind].title}/${name}`,
  path,
  message,
  hint,
  severity,
})

const refusalProblems = ({ kind, name, findings }: Refusal): readonly SourceProblem[] =>
  findings
    .filter(({ severity }) => severity === 'error')
    .map((finding) => problem(kind, name, finding))

/** Says in the log why a resource was refused. */
export function sayRefusal(log: Log, refusal: Refusal): void {
  for (const one of refusalProblems(refusal)) logProblem(log, one)
}
