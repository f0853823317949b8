import type { IdentityMaterial } from '../config/settings.ts'
import type { Source, SourceProblem } from '../config/source.ts'
import type { Clock } from '../proxy/clock.ts'
import type { About, AgentView, CertificateStatus, Readiness } from './admin/agent-view.ts'
import { type AdminServer, startAdmin } from './admin/server.ts'
import type { SocketAddress } from './cli/option.ts'
import { type Configuration, type ConfigurationOptions, newConfiguration } from './configuration.ts'
import { type ControlPlaneTies, type Tied, tie } from './control-plane-ties.ts'
import type { DnsProxy } from './dns/dns-proxy.ts'
import { drain } from './drain.ts'
import type { LeveledLog } from './leveled-log.ts'
import { certificateOf, readiness } from './readiness.ts'
import type { AgentFacts } from './telemetry/agent-metrics.ts'
import {
  type Application,
  mergedPages,
  scrapeApplications,
} from './telemetry/application-metrics.ts'
import { type LogExport, newLogExport } from './telemetry/log-export.ts'
import { metricFilter } from './telemetry/metric-filter.ts'
import { type Metrics, newMetrics } from './telemetry/metrics.ts'
import {
  type MetricsListener,
  newMetricsListener,
  type ProvidedCertificate,
} from './telemetry/metrics-listener.ts'
import { type MetricsPush, newMetricsPush } from './telemetry/metrics-push.ts'
import { newTracing, type SpanExport } from './telemetry/tracing.ts'
import type { SpawnWorker } from './worker/messages.ts'
import { startWorkers, type Workers } from './workers.ts'

/** Where our certificate comes from. `start` gives it at once or when it is there, then whenever it is renewed. */
export interface IdentitySource {
  start(give: (identity: IdentityMaterial) => void): void
  stop(): void
}

export interface AgentOptions {
  readonly clock: Clock
  readonly log: LeveledLog
  readonly about: About
  readonly source: Source
  /** Null when no place for a certificate was given. */
  readonly identity: IdentitySource | null
  readonly compose: ConfigurationOptions['compose']
  readonly spawn: SpawnWorker
  readonly workers: number
  readonly admin: { readonly address: SocketAddress; readonly hosts: readonly string[] }
  readonly metricsCertificate: ProvidedCertificate | null
  /** Null where no control plane wants more of us than to take its configuration. */
  readonly controlPlane: ControlPlaneTies | null
  /** Null when the names of the mesh are somebody else's to answer. */
  readonly dns: DnsProxy | null
  readonly drainTimeMs: number
  readonly drainQuietMs: number
}

/** The process beside the application, from start to end. */
export interface Agent {
  /** Resolves with the exit code when all has been closed. */
  readonly ended: Promise<number>
  /** As bound; null when it could not be. */
  readonly adminAddress: SocketAddress | null
  /** Reads the configuration again, changed or not. */
  reload(): void
  reopenLogs(): void
  /** Lets what is under way finish, then ends. */
  drain(): void
}

/** What the agent is made of, and where it is in its life. */
interface Life {
  readonly options: AgentOptions
  readonly workers: Workers
  readonly tracing: SpanExport
  readonly logExport: LogExport
  readonly metrics: Metrics
  readonly metricsListener: MetricsListener
  readonly metricsPush: MetricsPush
  readonly configuration: Configuration
  admin: AdminServer | null
  tied: Tied | null
  identity: IdentityMaterial | null
  certificate: CertificateStatus | null
  /** Which metrics the scrapers of MeshMetric are shown; the admin server shows all. */
  keep: (name: string) => boolean
  showUnused: boolean
  /** Whose pages are shown with ours. */
  applications: readonly Application[]
  phase: 'running' | 'draining' | 'closing'
  healthcheckFailed: boolean
  readonly end: (code: number) => void
}

/** Wires identity and source → configuration → workers, and what looks at them. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { clock, log, spawn, source } = options
  const ended = Promise.withResolvers<number>()
  const tracing = newTracing(clock, log)
  const onSpans = tracing.export
  const logExport = newLogExport(clock, log)
  const onLogs = logExport.export
  const workers = startWorkers({ count: options.workers, clock, log, spawn, onSpans, onLogs })
  const metrics = newMetrics(workers.stats, () => factsOf(life))
  const page = (usedOnly: boolean) =>
    metrics.scrape({
      usedOnly: usedOnly || !life.showUnused,
      keep: life.keep,
      process: life.applications.length === 0,
    })
  const applications = () => scrapeApplications(life.applications, log)
  const metricsPush = newMetricsPush({
    clock,
    log,
    serviceName: options.about.name,
    scrape: async () => (await page(false)).body,
    applications,
  })
  const scrape = async (usedOnly: boolean) => {
    const [{ type, body }, pages] = await Promise.all([page(usedOnly), applications()])
    return { type, body: body + mergedPages(pages) }
  }
  const provided = options.metricsCertificate
  const metricsListener = newMetricsListener({ clock, log, provided, scrape })
  const configuration = newConfiguration({
    clock,
    log,
    compose: options.compose,
    bindsLater: options.controlPlane !== null,
    apply: workers.apply,
    onSettings(settings, snapshot) {
      life.certificate = certificateOf(snapshot)
      life.keep = metricFilter(settings.metrics.sidecar)
      life.showUnused = settings.metrics.sidecar.includeUnused
      life.applications = settings.metrics.applications
      metricsPush.apply(settings.metrics.openTelemetry)
      metricsListener.apply(settings.metrics.prometheus, life.identity)
      options.dns?.apply(settings.dns)
    },
    onStartFailure({ code, messages }) {
      for (const message of messages) log.error(message)
      void close(life, code)
    },
  })
  const life: Life = {
    options,
    workers,
    tracing,
    logExport,
    metrics,
    metricsListener,
    metricsPush,
    configuration,
    admin: null,
    tied: null,
    identity: null,
    certificate: null,
    keep: () => true,
    showUnused: false,
    applications: [],
    phase: 'running',
    healthcheckFailed: false,
    end: ended.resolve,
  }
  if (await bindAdmin(life)) {
    const ready = () => readinessOf(life).state === 'LIVE'
    life.tied = options.controlPlane && tie(options.controlPlane, { ready, scrape, log })
    options.identity?.start((identity) => {
      life.identity = identity
      configuration.identified(identity)
    })
    source.start(configuration.emitted)
  }
  return {
    ended: ended.promise,
    adminAddress: life.admin?.address ?? null,
    reload() {
      if (life.phase !== 'running') return
      source.stop()
      source.start(configuration.emitted)
    },
    reopenLogs: workers.reopenLogs,
    drain: () => void drainAndClose(life),
  }
}

function factsOf({ configuration, options }: Life): AgentFacts {
  const { version, problems } = configuration.status()
  const count = (severity: SourceProblem['severity']): number =>
    problems.filter((one) => one.severity === severity).length
  return {
    staleSince: options.source.staleSince(),
    dns: options.dns && { ...options.dns.counts(), names: options.dns.names() },
    configVersion: version,
    configWarnings: count('warning'),
    configErrors: count('error'),
    now: options.clock.wall(),
  }
}

/** The agent as its admin server sees it. */
function viewOf(life: Life): AgentView {
  const { workers, configuration, metrics, options } = life
  const { clock, log, about } = options
  return {
    clock,
    workers,
    about,
    config: configuration.status,
    staleSince: options.source.staleSince,
    readiness: () => readinessOf(life),
    certificate: () => life.certificate,
    metrics: (usedOnly) => metrics.scrape({ usedOnly }),
    logLevel: log.level,
    setLogLevel(level) {
      log.setLevel(level)
      workers.setLogLevel(level)
    },
    failHealthcheck(failed) {
      life.healthcheckFailed = failed
      life.tied?.changed()
    },
    quit: () => void close(life, 0),
  }
}

const readinessOf = (life: Life): Readiness =>
  readiness({
    draining: life.phase !== 'running' || life.healthcheckFailed,
    waitingFor: life.configuration.waitingFor(),
    workers: life.workers.status(),
    certificate: life.certificate,
    now: life.options.clock.wall(),
  })

async function bindAdmin(life: Life): Promise<boolean> {
  const { admin, log } = life.options
  try {
    life.admin = await startAdmin(viewOf(life), { ...admin, log })
    log.info('admin server listens', { ...life.admin.address })
    return true
  } catch (error) {
    const { host, port } = admin.address
    const hint = 'another sidecar may have it: choose another with --admin, port 0 takes a free one'
    log.error('admin server cannot listen', { host, port, error: String(error), hint })
    void close(life, 3)
    return false
  }
}

async function drainAndClose(life: Life): Promise<void> {
  if (life.phase !== 'running') return
  life.phase = 'draining'
  const { clock, log, drainTimeMs, drainQuietMs } = life.options
  log.info('draining', { atMostMs: drainTimeMs })
  life.tied?.changed()
  if (life.configuration.waitingFor() === null) {
    await drain({ clock, log, workers: life.workers, drainTimeMs, quietMs: drainQuietMs })
  }
  await close(life, 0)
}

/** Nothing comes in any more; what is still open is cut; what was measured is sent. */
async function close(life: Life, code: number): Promise<void> {
  if (life.phase === 'closing') return
  life.phase = 'closing'
  life.options.source.stop()
  life.options.identity?.stop()
  life.configuration.stop()
  // The last numbers are those of workers that still answer.
  await life.metricsPush.stop()
  await life.workers.close()
  await Promise.all([life.tracing.stop(), life.logExport.stop(), life.metricsListener.close()])
  await Promise.all([life.tied?.close(), life.admin?.close(), life.options.dns?.close()])
  life.end(code)
}
