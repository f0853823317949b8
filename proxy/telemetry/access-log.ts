import type { Exchange } from '../exchange.ts'
import type { AccessLog, LogFilter } from '../model/listener.ts'
import { compilePeerMatch } from '../peer-match.ts'
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
  const isWanted = config.filter === null ? null : compileLogFilter(config.filter)
  return {
    write(x) {
      if (isWanted !== null && !isWanted(x)) return
      sink.write(render(x))
      if (sink.dropped === 0) return
      x.stats.counters.access_log_dropped += sink.dropped
      sink.dropped = 0
    },
  }
}

function compileLogFilter(filter: LogFilter): (x: Exchange) => boolean {
  const { minStatus, routes, exceptRoutes } = filter
  const peer = compilePeerMatch(filter.peer)
  const others = filter.exceptPeers.map(compilePeerMatch)
  return (x) => {
    const route = x.route === null ? '' : x.route.name
    return (
      x.status >= minStatus &&
      peer(x.connection) &&
      !others.some((other) => other(x.connection)) &&
      (routes.length === 0 || routes.includes(route)) &&
      !exceptRoutes.includes(route)
    )
  }
}
