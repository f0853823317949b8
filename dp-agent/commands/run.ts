import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { kumaFiles } from '../../config/kuma/watch.ts'
import type { Source } from '../../config/source.ts'
import { systemClock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { About } from '../admin/agent-view.ts'
import { type Agent, startAgent } from '../agent.ts'
import { compose } from '../compose.ts'
import type { Terminal } from '../dispatch.ts'
import { identityDirectory } from '../identity.ts'
import { createLog } from '../log.ts'
import type { RunOptions } from '../options.ts'
import { handleSignals } from '../signals.ts'
import { spawnThread } from '../worker/spawn.ts'

/** `outrider run`: the sidecar of one Dataplane, until a signal ends it. Resolves to the exit code. */
export async function runSidecar(
  options: RunOptions,
  _positionals: readonly string[],
  terminal: Terminal,
): Promise<number | string> {
  const { name, config, mesh, identityDir } = options
  const { feed } = options
  if (config.length === 0 && feed === null) {
    return 'say where the resources are: --config <file|dir>, or --feed <url>'
  }
  if (config.length > 0 && feed !== null) return 'give --config or --feed, not both'
  if (feed !== null && !/^wss?:\/\//.test(feed))
    return `--feed must be a ws or wss URL, got "${feed}"`
  if (name === null) return 'say which Dataplane this is: --name <dataplane>'
  const clock = systemClock
  const log = createLog({
    level: options.logLevel,
    format: formatOf(options, terminal),
    clock,
    write: terminal.err,
  })
  const agent = await startAgent({
    clock,
    log,
    about: aboutOf(options, name, terminal),
    source:
      feed === null
        ? kumaFiles({ paths: config, mesh, name, clock })
        : await feedOf(feed, options, name, terminal.version, log),
    identity: identityDir === null ? null : identityDirectory({ dir: identityDir, clock, log }),
    compose,
    spawn: spawnThread,
    workers: options.workers === 0 ? availableParallelism() : options.workers,
    admin: { address: options.admin, hosts: options.adminHost },
    metricsCertificate: metricsCertificateOf(options),
    drainTimeMs: options.drainTimeMs,
    drainQuietMs: options.drainQuietMs,
  })
  return untilEnd(agent, terminal)
}

/** Loaded only where there is a feed. */
async function feedOf(
  url: string,
  options: RunOptions,
  name: string,
  version: string,
  log: Log,
): Promise<Source> {
  const { feedSource } = await import('../../config/feed/source.ts')
  const { feedTokenFile, feedCa, feedCert, feedKey, mesh, stateDir, stateKeys } = options
  const read = (file: string | null): string | null =>
    file === null ? null : readFileSync(file, 'utf8')
  return feedSource({
    url,
    mesh,
    name,
    version,
    token: () => read(feedTokenFile)?.trim() ?? null,
    tls: { ca: read(feedCa), cert: read(feedCert), key: read(feedKey) },
    stateDir,
    stateKeys,
    clock: systemClock,
    log,
  })
}

/** Until all is closed, or at once at the second signal. */
function untilEnd(agent: Agent, terminal: Terminal): Promise<number> {
  return new Promise((resolve) => {
    handleSignals(terminal.signals, {
      drain: agent.drain,
      stop: () => resolve(0),
      reload: agent.reload,
      reopenLogs: agent.reopenLogs,
    })
    void agent.ended.then(resolve)
  })
}

function formatOf({ logFormat }: RunOptions, terminal: Terminal): 'json' | 'text' {
  if (logFormat !== 'auto') return logFormat
  return terminal.errIsTerminal ? 'text' : 'json'
}

const aboutOf = (options: RunOptions, name: string, { version }: Terminal): About => ({
  version,
  name,
  mesh: options.mesh,
  source: options.feed ?? options.config.join(', '),
  pid: process.pid,
  node: process.version,
  startedAt: systemClock.wall(),
  options,
})

function metricsCertificateOf({ metricsCertPath, metricsKeyPath }: RunOptions) {
  if (metricsCertPath === null || metricsKeyPath === null) return null
  return { certPath: metricsCertPath, keyPath: metricsKeyPath }
}
