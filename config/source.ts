import type { Log } from '../proxy/log.ts'
import type { Snapshot } from '../proxy/model/snapshot.ts'
import type { AgentSettings, ExpectedIdentity } from './settings.ts'

/** Something wrong, or without effect, in what an operator wrote; with the place to look at. */
export interface SourceProblem {
  /** As it was given on the command line, joined with the names below it; empty when no file is to blame. */
  readonly file: string
  /** From 1; 0 when the problem concerns the file or the set as a whole. */
  readonly line: number
  readonly column: number
  /** As in `MeshRetry/foo`; empty when the text could not be read as a resource. */
  readonly resource: string
  /** Inside the resource, as in `spec.to[0].default.http.numRetries`; empty for the whole of it. */
  readonly path: string
  readonly message: string
  /** What to do about it; null when the message says it all. */
  readonly hint: string | null
  /** An error keeps the new configuration from being used; a warning does not. */
  readonly severity: 'error' | 'warning'
}

/** What a source says whenever something changed. */
export interface Emission {
  /** The whole configuration without identity secrets; null when it has errors and the last good one must stay. */
  readonly snapshot: Snapshot | null
  readonly problems: readonly SourceProblem[]
  /** Null together with `snapshot`. */
  readonly settings: AgentSettings | null
  /** What our certificate must say; null when mutual TLS is off or `snapshot` is null. */
  readonly identity: ExpectedIdentity | null
}

/** Where configuration comes from. `start` emits at once or as soon as something is known, then on every change. */
export interface Source {
  start(emit: (emission: Emission) => void): void
  /** Unix ms since when nobody has confirmed that what was emitted is what there is; null while it is current. */
  staleSince(): number | null
  /** Ends every watch and timer; nothing is emitted afterwards. */
  stop(): void
}

/** `mesh/retry.yaml:12:7 error MeshRetry/foo spec.to[0].default.http.numRetries: must be …; hint`. */
export const formatProblem = (problem: SourceProblem): string => inWords(problem, problem.severity)

/** The same without `error` or `warning`, where the level stands beside it, as on a line of the log. */
export const problemText = (problem: SourceProblem): string => inWords(problem, '')

/** Says a problem in the log, at the level it has. */
export function logProblem(log: Log, problem: SourceProblem): void {
  log[problem.severity === 'error' ? 'error' : 'warn'](problemText(problem))
}

function inWords(problem: SourceProblem, severity: string): string {
  const place =
    problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file
  const subject = [problem.resource, problem.path].filter((part) => part !== '').join(' ')
  const head = [place, severity, subject].filter((part) => part !== '').join(' ')
  const hint = problem.hint === null ? '' : `; ${problem.hint}`
  return `${head}: ${problem.message}${hint}`
}

/** True when one of the problems keeps the configuration from being used. */
export function hasErrors(problems: readonly SourceProblem[]): boolean {
  return problems.some((problem) => problem.severity === 'error')
}
