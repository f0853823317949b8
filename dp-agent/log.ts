import { pino, stdTimeFunctions } from 'pino'
import type { Clock } from '../proxy/clock.ts'
import type { LogLevel } from '../proxy/log.ts'
import { type LeveledLog, leveledLog, type WriteLine } from './leveled-log.ts'

export interface LogOptions {
  readonly level: LogLevel
  /** `json`: one object per line with ISO time; `text`: short lines for a terminal. */
  readonly format: 'json' | 'text'
  readonly clock: Clock
  /** Gets whole lines, newline included. */
  readonly write: (line: string) => void
}

/** The operational log of the process. */
export function createLog(options: LogOptions): LeveledLog {
  return leveledLog(
    options.level,
    options.format === 'json' ? jsonLines(options) : textLines(options),
  )
}

function jsonLines({ write }: LogOptions): WriteLine {
  const logger = pino(
    {
      level: 'debug',
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  )
  return (level, message, fields) => logger[level](fields, message)
}

/** `14:03:59.120 warn  certificate expires soon days=3`: one line, whatever the values hold. */
function textLines({ write, clock }: LogOptions): WriteLine {
  const time = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  })
  return (level, message, fields) => {
    const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${plain(String(value))}`)
    write(`${time.format(clock.wall())} ${level.padEnd(5)} ${oneLine(message)}${pairs.join('')}\n`)
  }
}

const oneLine = (value: string): string =>
  value.replace(/[\x00-\x1f\x7f]/g, (char) => JSON.stringify(char).slice(1, -1))

const plain = (value: string): string =>
  /^[\x21\x23-\x7e]+$/.test(value) ? value : JSON.stringify(value)
