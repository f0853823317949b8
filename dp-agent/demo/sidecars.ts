import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import type { Clock } from '../../proxy/clock.ts'

/** A sidecar of the demo: a process of this same program. */
export interface Sidecar {
  readonly name: string
  readonly admin: number
  readonly process: ChildProcess
  /** Everything it has said. */
  readonly logFile: string
}

export interface SidecarPlan {
  /** Name of its Dataplane. */
  readonly name: string
  /** `kuma.io/service`, which its certificate names. */
  readonly service: string
  /** Port of its admin server. */
  readonly admin: number
}

/**
 * Starts `outrider run` for one Dataplane. The channel between us does nothing but break when we die, however that comes
 * about: a sidecar that loses it ends (`main.ts`).
 */
export function startSidecar(
  program: string,
  plan: SidecarPlan,
  folders: { readonly config: string; readonly work: string },
): Sidecar {
  const { name, admin } = plan
  const logFile = join(folders.work, `${name}.log`)
  const log = openSync(logFile, 'a', 0o600)
  const args = ['run', '--config', folders.config, '--name', name]
  args.push('--identity-dir', join(folders.work, plan.service))
  args.push('--admin', `127.0.0.1:${admin}`, '--drain-time', '0s', '--log-format', 'text')
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=4', '--optimize-for-size', program, ...args],
    {
      stdio: ['ignore', log, log, 'ipc'],
    },
  )
  return { name, admin, process: child, logFile }
}

/** Resolves when the sidecar serves; to false when it has ended instead, or `giveUpMs` are over. */
export async function untilReady(
  sidecar: Sidecar,
  clock: Clock,
  giveUpMs: number,
): Promise<boolean> {
  const until = clock.now() + giveUpMs
  while (sidecar.process.exitCode === null && clock.now() < until) {
    if (await isReady(sidecar.admin)) return true
    await new Promise<void>((resolve) => void clock.after(25, resolve))
  }
  return false
}

async function isReady(admin: number): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`http://127.0.0.1:${admin}/ready`)
    await body.dump()
    return statusCode === 200
  } catch {
    // Not listening yet.
    return false
  }
}
