import type { Exchange } from '../exchange.ts'
import type { AccessLog } from '../model/listener.ts'
import { compileLogFormat } from './log-format.ts'
import type { LogSinks } from './log-sink.ts'

/** One compiled access log: renders a finished exchange and hands the line to its sink. */
export interface LogLine {
  write(x: Exchange): void
}

/** A checked access log ready for use. Lines its sink could not take are counted as `access_log_dropped`. Warm. */
export function compileAccessLog(config: AccessLog, sinks: LogSinks): LogLine {
  const render = compileLogFormat(config.format, sinks.clock)
  const sink = sinks.open(config.sink)
  const minStatus = config.filter === null ? 0 : config.filter.minStatus
  return {
    write(x) {
      if (x.status < minStatus) return
      sink.write(render(x))
      if (sink.dropped === 0) return
      x.stats.counters.access_log_dropped += sink.dropped
      sink.dropped = 0
    },
  }
}
