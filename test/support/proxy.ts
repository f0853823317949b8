import { type Clock, systemClock } from '../../proxy/clock.ts'
import { silentLog } from '../../proxy/log.ts'
import type { LogCollector } from '../../proxy/model/listener.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import { createProxy, type Proxy as DataPath } from '../../proxy/proxy.ts'
import type { Stats } from '../../proxy/telemetry/metrics.ts'
import type { SpanRecord } from '../../proxy/telemetry/tracing.ts'

interface Test {
  teardown(run: () => unknown): void
}

export interface RunningProxy {
  readonly proxy: DataPath
  readonly spans: SpanRecord[]
  /** What is for collectors. */
  readonly logs: { readonly to: LogCollector; readonly lines: string }[]
  /** Port of a listener, by name. */
  port(listener?: string): number
  http(prefix?: string): Stats<'http'>
  tcp(prefix?: string): Stats<'tcp'>
  cluster(name?: string): Stats<'cluster'>
  stats(scope: string, name: string): Stats
}

/** A data path on loopback with a snapshot applied; closed at the end of the test. */
export async function runProxy(
  t: Test,
  snapshot: Snapshot,
  clock: Clock = systemClock,
): Promise<RunningProxy> {
  const spans: SpanRecord[] = []
  const logs: { to: LogCollector; lines: string }[] = []
  const proxy = createProxy({
    clock,
    log: silentLog,
    reusePort: false,
    inherited: {},
    workers: 1,
    onSpans: (some) => void spans.push(...some),
    onLogs(to, lines) {
      logs.push({ to, lines })
      return true
    },
  })
  t.teardown(() => proxy.close())
  const failures = await proxy.apply(snapshot)
  if (failures.length > 0) throw new Error(JSON.stringify(failures))
  const stats = (scope: string, name: string): Stats => {
    const found = proxy.stats().find((one) => one.scope === scope && one.name === name)
    if (found === undefined) throw new Error(`no statistics ${scope}/${name}`)
    return found
  }
  return {
    proxy,
    spans,
    logs,
    port(name = 'in') {
      const found = proxy.inspect().listeners.find((one) => one.name === name)
      if (found === undefined) throw new Error(`no listener ${name}`)
      return found.port
    },
    http: (prefix = 'in') => stats('http', prefix) as Stats<'http'>,
    tcp: (prefix = 'in') => stats('tcp', prefix) as Stats<'tcp'>,
    cluster: (name = 'app') => stats('cluster', name) as Stats<'cluster'>,
    stats,
  }
}
