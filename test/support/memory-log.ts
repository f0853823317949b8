import { type LeveledLog, leveledLog } from '../../dp-agent/leveled-log.ts'

/** A log at level debug that keeps its lines: `level message {"field":1}`. */
export function memoryLog(): { readonly log: LeveledLog; readonly lines: string[] } {
  const lines: string[] = []
  const log = leveledLog('debug', (level, message, fields) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  })
  return { log, lines }
}
