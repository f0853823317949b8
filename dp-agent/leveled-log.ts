import { type Log, type LogFields, type LogLevel, logLevels } from '../proxy/log.ts'

/** The level of a line; `off` is none. */
export type LineLevel = Exclude<LogLevel, 'off'>

export type WriteLine = (level: LineLevel, message: string, fields: LogFields) => void

/** A log whose level may change while it is in use. */
export interface LeveledLog extends Log {
  level(): LogLevel
  setLevel(level: LogLevel): void
  /** A line that another thread has made, written if its level is on. */
  readonly line: WriteLine
}

/** Lets through to `write` the lines whose level is on. */
export function leveledLog(initial: LogLevel, write: WriteLine): LeveledLog {
  let current = initial
  const line: WriteLine = (level, message, fields) => {
    if (logLevels.indexOf(level) <= logLevels.indexOf(current)) write(level, message, fields)
  }
  const log: LeveledLog = {
    debugOn: initial === 'debug',
    error: (message, fields = {}) => line('error', message, fields),
    warn: (message, fields = {}) => line('warn', message, fields),
    info: (message, fields = {}) => line('info', message, fields),
    debug: (message, fields = {}) => line('debug', message, fields),
    line,
    level: () => current,
    setLevel(level) {
      current = level
      log.debugOn = level === 'debug'
    },
  }
  return log
}
