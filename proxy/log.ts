/** How loud the log is; each level includes those before it. */
export const logLevels = ['off', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/** Plain values that go on a log line beside the message. Never secrets, never whole certificates. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/**
 * Where the proxy reports what an operator should know. The agent gives one that writes JSON lines; a library user
 * may give any. `debugOn` guards lines in warm code, so that no string is built for a line nobody reads.
 */
export interface Log {
  debugOn: boolean
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
}

const nothing = (): void => {}

/** Says nothing; the default of a proxy used as a library. */
export const silentLog: Log = {
  debugOn: false,
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
}
