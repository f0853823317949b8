/** What signals ask of the agent. */
export interface SignalHandlers {
  /** First SIGTERM or SIGINT. */
  readonly drain: () => void
  /** The second one: end at once. */
  readonly stop: () => void
  /** SIGHUP, together with `reopenLogs`. */
  readonly reload: () => void
  /** SIGUSR1, or SIGHUP: log files have been rotated. */
  readonly reopenLogs: () => void
}

/** The part of `process` that delivers signals. */
export interface SignalSource {
  on(signal: NodeJS.Signals, run: () => void): unknown
}

/** Listens for the signals of a service. SIGUSR1 no longer opens Node's debugger then, which is just as well. */
export function handleSignals(source: SignalSource, handlers: SignalHandlers): void {
  let told = false
  const end = (): void => {
    if (told) handlers.stop()
    else handlers.drain()
    told = true
  }
  source.on('SIGTERM', end)
  source.on('SIGINT', end)
  source.on('SIGUSR1', handlers.reopenLogs)
  source.on('SIGHUP', () => {
    handlers.reopenLogs()
    handlers.reload()
  })
}
