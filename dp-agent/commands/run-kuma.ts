import { readFileSync } from 'node:fs'
import { MessageChannel } from 'node:worker_threads'
import {
  type ControlPlane,
  type ControlPlaneOptions,
  connect,
  newControlPlane,
} from '../../config/kuma-cp/control-plane.ts'
import { newHealth } from '../../config/kuma-cp/health.ts'
import { healthProbe } from '../../config/kuma-cp/health-probe.ts'
import { startHealthStream } from '../../config/kuma-cp/health-stream.ts'
import { metricsSocketOf, nodeOf, type Sidecar } from '../../config/kuma-cp/node.ts'
import { tokenSource, watchToken } from '../../config/kuma-cp/token.ts'
import { logProblem } from '../../config/source.ts'
import { systemRoots } from '../../config/system-roots.ts'
import { xdsSource } from '../../config/xds/client/source.ts'
import { openStream } from '../../config/xds/client/stream.ts'
import { newOutside } from '../../config/xds/reading/outside.ts'
import { translators } from '../../config/xds/translators.ts'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { ControlPlaneTies } from '../control-plane-ties.ts'
import type { Terminal } from '../dispatch.ts'
import { inertOptions } from '../kuma-options.ts'
import {
  adminAddress,
  broughtDataplane,
  interceptionOf,
  missedAdminPort,
  openWorkDir,
  sidecarOf,
} from '../kuma-sidecar.ts'
import type { RunOptions } from '../options.ts'
import type { Chosen } from './run-source.ts'

/** What a sidecar under a control plane starts with. */
export interface KumaStart {
  /** Of the control plane. */
  readonly url: string
  readonly options: RunOptions
  readonly terminal: Terminal
  readonly clock: Clock
  readonly log: Log
}

/** A sidecar under a control plane of Kuma. A text is a mistake in the usage; null: it cannot start, and the log says why. */
export async function fromControlPlane(start: KumaStart): Promise<Chosen | string | null> {
  const { url, options, terminal, clock, log } = start
  const wrong = usageProblem(url, options)
  if (wrong !== null) return wrong
  warnInert(options, log)
  warnTrusting(url, options, log)
  const brought = broughtDataplane(options)
  for (const problem of brought.problems) logProblem(log, problem)
  if (!brought.ok) return brought.usage
  const { dataplane } = brought
  const name = dataplane?.name ?? options.name
  if (name === null) return 'say which Dataplane this is: --dataplane-file <file> or --name <name>'
  const mesh = dataplane?.mesh ?? options.mesh
  const admin = adminAddress(options, dataplane)
  const asked = missedAdminPort(admin, dataplane)
  if (asked !== null) {
    const hint = `give the Dataplane networking.admin.port ${admin.port}`
    log.warn('the control plane will look for admin pages elsewhere', { port: asked, hint })
  }
  const workDir = openWorkDir(options.workDir)
  const sidecar = sidecarOf(options, terminal, { name, mesh, dataplane }, workDir.path)
  const token = tokenOf(start)
  const controlPlane = await reach(start, sidecar, token)
  if (controlPlane === null) {
    workDir.close()
    return null
  }
  const watch = watchToken(token, clock, log)
  return {
    source: sourceOf(start, controlPlane, sidecar),
    from: url,
    name,
    mesh,
    admin,
    controlPlane: tiesOf(start, controlPlane, sidecar),
    close() {
      watch.cancel()
      workDir.close()
    },
  }
}

function usageProblem(url: string, options: RunOptions): string | null {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    return `--cp-address must be an http or https URL, got "${url}"`
  const interception = interceptionOf(options)
  if (typeof interception === 'string') return `--transparent-proxy-config ${interception}`
  return null
}

function warnInert(options: RunOptions, log: Log): void {
  const given: Readonly<Record<string, unknown>> = options
  for (const [key, { flag, inert }] of Object.entries(inertOptions)) {
    if (given[key] === true) log.warn(`--${flag} has no effect`, { reason: inert })
  }
}

function warnTrusting(url: string, { skipVerify }: RunOptions, log: Log): void {
  const reason = 'whoever is between us and the control plane learns the token and may configure us'
  if (url.startsWith('http:')) log.warn('--cp-address is not https', { reason })
  else if (skipVerify) log.warn('--skip-verify trusts anybody', { reason })
}

/** Null when it will not have us, or cannot be reached in time. With a state directory nobody waits for it. */
async function reach(
  { url, options, clock, log }: KumaStart,
  sidecar: Sidecar,
  token: ControlPlaneOptions['token'],
): Promise<ControlPlane | null> {
  const { skipVerify, skipBootstrap } = options
  const ca = caOf(options)
  const to: ControlPlaneOptions = {
    url,
    ca,
    systemRoots: [],
    skipVerify,
    skipBootstrap,
    token,
    sidecar,
    clock,
    log,
  }
  const rest = stayAlive()
  try {
    token()
    const roots = ca() === null && url.startsWith('https:') ? systemRoots() : []
    const known = { ...to, systemRoots: roots }
    if (options.stateDir !== null) return newControlPlane(known)
    const tries = { everyMs: options.cpRetryMs, atMostMs: options.cpRetryAtMostMs }
    return await connect(known, tries)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    log.error('cannot start under the control plane', { url, reason })
    return null
  } finally {
    rest()
  }
}

const tokenOf = ({ options, clock, log }: KumaStart): ControlPlaneOptions['token'] =>
  tokenSource({ token: options.dataplaneToken, file: options.dataplaneTokenFile, clock, log })

const caOf =
  ({ caCert, caCertFile }: RunOptions) =>
  (): string | null => {
    const pem = caCert ?? (caCertFile === null ? null : readFileSync(caCertFile, 'utf8'))
    if (pem !== null && !pem.includes('BEGIN CERTIFICATE')) {
      throw new Error(`${caCertFile ?? '--ca-cert'} holds no certificate (PEM)`)
    }
    return pem
  }

/** Timers of the clock do not keep the process alive, and before the agent runs nothing else does. */
function stayAlive(): () => void {
  const { port1 } = new MessageChannel()
  port1.on('message', () => {})
  return () => port1.close()
}

function sourceOf(
  { options, terminal, clock, log }: KumaStart,
  controlPlane: ControlPlane,
  sidecar: Sidecar,
) {
  const { name, mesh } = sidecar
  const { stateDir, stateKeys } = options
  const serviceName = String(controlPlane.latest()?.node.cluster ?? name)
  return xdsSource({
    dial: controlPlane.dial,
    node: () => controlPlane.latest()?.node ?? nodeOf(sidecar, null),
    openStream,
    translators,
    outside: newOutside(serviceName, terminal.env),
    fixed: [],
    problems: [],
    keep: stateDir === null ? null : { dir: stateDir, owner: `${mesh}/${name}`, keys: stateKeys },
    clock,
    log,
  })
}

const tiesOf = (
  { clock, log }: KumaStart,
  { latest }: ControlPlane,
  sidecar: Sidecar,
): ControlPlaneTies => ({
  metricsSocket: metricsSocketOf(sidecar),
  reportHealth(ready) {
    const health = newHealth({ ready, probeOf: healthProbe, clock })
    return startHealthStream({ latest, openStream, health, clock, log })
  },
})
