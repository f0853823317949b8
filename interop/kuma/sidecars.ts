import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../bench/processes.ts'
import type { Started } from './applications.ts'
import type { ControlPlane, Resource } from './control-plane.ts'

/** How a sidecar is started; every kind takes the same files. */
export type Launcher = (connection: readonly string[], dir: string) => Promise<Launch>

interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const main = join(import.meta.dirname, '../../dp-agent/main.ts')

/** `outrider run` from the sources. */
export const outrider: Launcher = async (connection) => {
  const flags = ['--max-semi-space-size=4', '--optimize-for-size']
  const args = [...flags, main, 'run', ...connection, '--log-format', 'text']
  return { command: process.execPath, args, env: {} }
}

/** Kuma's own, with Envoy. */
export const kumaDp =
  (program: string, envoy: string): Launcher =>
  async (connection, dir) => {
    const paths = ['--binary-path', envoy, '--work-dir', dir]
    const args = ['run', ...connection, ...paths, '--dns-enabled=false', '--concurrency', '1']
    return { command: program, args, env: { KUMA_READINESS_PORT: String(await freePort()) } }
  }

/** A process beside an application. */
export interface Sidecar extends Started {
  /** What its token file holds from now on. */
  writeToken(token: string): void
  /** Asks it to end (SIGTERM). */
  terminate(): void
}

/** Starts a sidecar for a Dataplane; its files and its log are in a directory of its own below `dir`. */
export async function startSidecar(
  dataplane: Resource,
  launcher: Launcher,
  controlPlane: ControlPlane,
  dir: string,
): Promise<Sidecar> {
  const home = join(dir, dataplane.name)
  mkdirSync(home)
  const [resource, token] = [join(home, 'dataplane.json'), join(home, 'token')]
  writeFileSync(resource, JSON.stringify(dataplane))
  const writeToken = (text: string): void => writeFileSync(token, text, { mode: 0o600 })
  writeToken(await controlPlane.token(dataplane))
  const { command, args, env } = await launcher(
    [
      ...['--cp-address', controlPlane.address, '--ca-cert-file', controlPlane.caFile],
      ...['--dataplane-file', resource, '--dataplane-token-file', token, '--drain-time', '1s'],
    ],
    home,
  )
  const log = openSync(join(home, 'log'), 'w')
  // A group of its own: kuma-dp has a child.
  const child = spawn(command, args, { stdio: ['ignore', log, log], env, detached: true })
  const exit = once(child, 'exit').catch(() => undefined) // not even started: it is never online
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // ended already
    }
  }
  process.once('exit', kill)
  return {
    writeToken,
    terminate: () => void child.kill('SIGTERM'),
    stop: async () => {
      kill()
      await Promise.race([exit, delay(1_000)])
    },
  }
}
