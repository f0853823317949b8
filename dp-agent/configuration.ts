import type { AgentSettings, IdentityMaterial } from '../config/settings.ts'
import {
  type Emission,
  formatProblem,
  logProblem,
  problemText,
  type SourceProblem,
} from '../config/source.ts'
import type { Clock, Timer } from '../proxy/clock.ts'
import type { Log } from '../proxy/log.ts'
import { emptySnapshot, type Snapshot } from '../proxy/model/snapshot.ts'
import type { ApplyFailure } from '../proxy/proxy.ts'
import type { ConfigStatus } from './admin/agent-view.ts'
import type { Composed } from './compose.ts'

/** What could not be bound is tried again so often. */
const retryMs = 5_000

/** Why the agent cannot start, and the exit code that says so. */
export interface StartFailure {
  readonly code: 1 | 3
  readonly messages: readonly string[]
}

export interface ConfigurationOptions {
  readonly clock: Clock
  readonly log: Log
  readonly compose: (emission: Emission, identity: IdentityMaterial | null) => Composed
  readonly apply: (snapshot: Snapshot) => Promise<readonly ApplyFailure[]>
  /** A configuration was accepted; its settings for the agent itself. */
  readonly onSettings: (settings: AgentSettings, snapshot: Snapshot) => void
  /** What cannot be bound at the start is tried again, as later: others decide what we listen on. Else it is a start failure. */
  readonly bindsLater: boolean
  /** Only before the first snapshot serves. */
  readonly onStartFailure: (failure: StartFailure) => void
}

/** Brings what the source says and the identity we have together, and keeps the last good of it at work. */
export interface Configuration {
  emitted(emission: Emission): void
  identified(identity: IdentityMaterial): void
  status(): ConfigStatus
  /** Why nothing is served yet; null once the first snapshot is at work everywhere. */
  waitingFor(): string | null
  stop(): void
}

interface State {
  readonly options: ConfigurationOptions
  emission: Emission | null
  identity: IdentityMaterial | null
  problems: readonly SourceProblem[]
  refusal: string | null
  snapshot: Snapshot
  version: number
  acceptedAt: number | null
  failures: readonly ApplyFailure[]
  waiting: string | null
  serving: boolean
  retry: Timer | null
  stopped: boolean
}

export function newConfiguration(options: ConfigurationOptions): Configuration {
  const state: State = {
    options,
    emission: null,
    identity: null,
    problems: [],
    refusal: null,
    snapshot: emptySnapshot,
    version: 0,
    acceptedAt: null,
    failures: [],
    waiting: 'waiting for the configuration',
    serving: false,
    retry: null,
    stopped: false,
  }
  return {
    emitted: (emission) => emitted(state, emission),
    identified(identity) {
      state.identity = identity
      advance(state)
    },
    status: () => ({
      version: state.version,
      acceptedAt: state.acceptedAt,
      stale: state.refusal !== null,
      problems: state.problems,
      failures: state.failures,
      snapshot: state.snapshot,
    }),
    waitingFor: () => state.waiting,
    stop() {
      state.stopped = true
      state.retry?.cancel()
    },
  }
}

function emitted(state: State, emission: Emission): void {
  const known = new Set(state.problems.map(formatProblem))
  for (const problem of emission.problems) {
    // Errors that end the start are told by who ends the process.
    const told = state.serving || problem.severity === 'warning'
    if (told && !known.has(formatProblem(problem))) logProblem(state.options.log, problem)
  }
  state.problems = emission.problems
  if (emission.snapshot === null) {
    const errors = emission.problems.filter(({ severity }) => severity === 'error')
    refuse(state, errors.map(problemText))
    return
  }
  state.emission = emission
  advance(state)
}

/** Puts the newest good configuration to work, if the identity it asks for is there. */
function advance(state: State): void {
  const { emission, identity, options } = state
  if (state.stopped || emission?.snapshot == null || emission.settings === null) return
  const composed = options.compose(emission, identity)
  if (composed.ok) {
    state.refusal = null
    state.snapshot = composed.snapshot
    state.version += 1
    state.acceptedAt = options.clock.wall()
    options.onSettings(emission.settings, composed.snapshot)
    void put(state)
  } else if (composed.wait && !state.serving) {
    state.waiting = composed.message
    options.log.warn(composed.message)
  } else refuse(state, [composed.message])
}

/** Hands the snapshot to the workers; what they could not bind is tried again until it works or a newer one comes. */
async function put(state: State): Promise<void> {
  const { options, version, snapshot } = state
  state.retry?.cancel()
  const failures = await options.apply(snapshot)
  if (state.stopped || version !== state.version) return
  const known = new Set(state.failures.map((one) => one.message))
  state.failures = failures
  const bind = failures.filter((one) => one.code !== null)
  if (!state.serving && bind.length > 0 && !options.bindsLater) {
    options.onStartFailure({ code: 3, messages: bind.map(failureText) })
    return
  }
  for (const failure of failures) {
    if (!known.has(failure.message)) options.log.error(failureText(failure))
  }
  if (bind.length > 0) state.retry = options.clock.after(retryMs, () => void put(state))
  if (!state.serving) options.log.info('serving', { version })
  else if (failures.length === 0) options.log.info('configuration applied', { version })
  state.serving = true
  state.waiting = null
}

const failureText = ({ resource, message }: ApplyFailure): string => `${resource}: ${message}`

/** Before anything serves a bad configuration ends the start; afterwards the last good one stays. */
function refuse(state: State, messages: readonly string[]): void {
  const { options } = state
  if (!state.serving && state.version === 0) {
    options.onStartFailure({ code: 1, messages })
    return
  }
  state.refusal = messages.join('\n')
  options.log.error('configuration refused; the last good one stays', {
    errors: messages.length,
    first: messages[0] ?? '',
  })
}
