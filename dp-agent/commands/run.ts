import { availableParallelism } from 'node:os'
import { type Clock, systemClock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { About } from '../admin/agent-view.ts'
import { type Agent, startAgent } from '../agent.ts'
import { shownValues } from '../cli/parse.ts'
import { compose } from '../compose.ts'
import type { Terminal } from '../dispatch.ts'
import { newDnsProxy } from '../dns/dns-proxy.ts'
import { nameserverOf } from '../dns/nameserver.ts'
import { identityDirectory } from '../identity.ts'
import { inheritedSockets } from '../inherited-sockets.ts'
import { createLog } from '../log.ts'
import { commands, type RunOptions } from '../options.ts'
import { handleSignals } from '../signals.ts'
import { spawnThreads } from '../worker/spawn.ts'
import { type Chosen, chooseSource } from './run-source.ts'

/** `outrider run`: the sidecar of one Dataplane, until a signal ends it. Resolves to the exit code. */
export async function runSidecar(
  options: RunOptions,
  _positionals: readonly string[],
  terminal: Terminal,
): Promise<number | string> {
  const { identityDir } = options
  const clock = systemClock
  const log = createLog({
    level: options.logLevel,
    format: formatOf(options, terminal),
    clock,
    write: terminal.err,
  })
  const chosen = await chooseSource(options, terminal, clock, log)
  if (typeof chosen === 'string') return chosen
  if (chosen === null) return 1
  const agent = await startAgent({
    clock,
    log,
    about: aboutOf(options, chosen, terminal),
    source: chosen.source,
    identity: identityDir === null ? null : identityDirectory({ dir: identityDir, clock, log }),
    compose,
    spawn: spawnThreads(inheritedSockets(terminal.env, process.pid)),
    workers: options.workers === 0 ? availableParallelism() : options.workers,
    admin: { address: chosen.admin, hosts: options.adminHost },
    metricsCertificate: metricsCertificateOf(options),
    controlPlane: chosen.controlPlane,
    dns: dnsProxyOf(options, clock, log),
    drainTimeMs: options.drainTimeMs,
    drainQuietMs: options.drainQuietMs,
  })
  const code = await untilEnd(agent, terminal)
  chosen.close()
  return code
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

const aboutOf = (options: RunOptions, { name, mesh, from }: Chosen, terminal: Terminal): About => ({
  version: terminal.version,
  name,
  mesh,
  source: from,
  pid: process.pid,
  node: process.version,
  startedAt: systemClock.wall(),
  options: shownValues(commands.run.options, options),
})

/** It listens when a configuration has names for it. */
function dnsProxyOf({ dnsEnabled, dnsProxyPort }: RunOptions, clock: Clock, log: Log) {
  if (!dnsEnabled || dnsProxyPort === 0) return null
  const nameserver = nameserverOf({ path: '/etc/resolv.conf', clock, log })
  return newDnsProxy({ port: dnsProxyPort, nameserver, clock, log })
}

function metricsCertificateOf({ metricsCertPath, metricsKeyPath }: RunOptions) {
  if (metricsCertPath === null || metricsKeyPath === null) return null
  return { certPath: metricsCertPath, keyPath: metricsKeyPath }
}
