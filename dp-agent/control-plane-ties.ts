import type { HealthStream } from '../config/kuma-cp/health-stream.ts'
import { type MetricsSocketOptions, startMetricsSocket } from './telemetry/metrics-socket.ts'

/** What a control plane of Kuma has of an agent besides taking its configuration. */
export interface ControlPlaneTies {
  /** Begins to tell it of our health; `ready` is whether we may get traffic. */
  readonly reportHealth: (ready: () => boolean) => HealthStream
  /** Path of the Unix socket where it sends scrapers. */
  readonly metricsSocket: string
}

/** What the agent lends to the ties. */
export interface Lent extends Omit<MetricsSocketOptions, 'path'> {
  readonly ready: () => boolean
}

/** The ties at work. */
export interface Tied {
  /** Whether we may get traffic has changed. */
  changed(): void
  close(): Promise<void>
}

export function tie(
  { reportHealth, metricsSocket }: ControlPlaneTies,
  { ready, scrape, log }: Lent,
): Tied {
  const socket = startMetricsSocket({ path: metricsSocket, log, scrape })
  const health = reportHealth(ready)
  return {
    changed: health.changed,
    close() {
      health.stop()
      return socket.close()
    },
  }
}
