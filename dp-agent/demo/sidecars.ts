import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Clock } from '../../proxy/clock.ts'
import { nodeHttp as http } from '../node-http.ts'
import { type DemoService, identityDirOf } from './mesh.ts'

/** A sidecar of the demo: a process of this same program. */
export interface Sidecar {
  readonly name: string
  readonly admin: number
  readonly process: ChildProcess
  /** Resolves when the process has ended, or could not be started. */
  readonly ended: Promise<void>
  /** The last lines of what it said. */
  lastWords(): string
}

export interface SidecarPlan {
  /** Name of its Dataplane. */
  readonly name: string
  /** Whose certificate it carries. */
  readonly service: DemoService
  /** Port of its admin server. */
  readonly admin: number
}

export interface SidecarSettings {
  /** Path of this program. */
  readonly program: string
  /** The resources. */
  readonly config: string
  /** The demo's directory, with the identities; gets the logs. */
  readonly work: string
  /** Gets each line of its log, with who said it; a file in `work` has them all as well. */
  readonly onLine: (name: string, line: string) => void
}

const keptLines = 5

/**
 * Starts `outrider run` for one Dataplane. The channel between us does nothing but break when we die, however that comes
 * about: a sidecar that loses it ends (`main.ts`). It has a session of its own: Ctrl-C reaches us, and we end it.
 */
export function startSidecar(plan: SidecarPlan, settings: SidecarSettings): Sidecar {
  const { name, admin } = plan
  const { program, work, config, onLine } = settings
  const args = ['run', '--config', config, '--name', name]
  args.push('--identity-dir', identityDirOf(work, plan.service))
  args.push('--admin', `127.0.0.1:${admin}`, '--drain-time', '0s', '--log-format', 'text')
  const log = openSync(join(work, `${name}.log`), 'a', 0o600)
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=4', '--optimize-for-size', program, ...args],
    { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true },
  )
  const kept: string[] = []
  const keep = (line: string): void => {
    append(log, line)
    onLine(name, line)
    if (kept.push(line) > keptLines) kept.shift()
  }
  eachLine(child.stdout, keep)
  eachLine(child.stderr, keep)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      keep(error.message)
      resolve()
    })
  })
  // `close` comes when its last words have, too.
  child.once('close', () => closeSync(log))
  return { name, admin, process: child, ended, lastWords: () => kept.join('\n') }
}

function append(file: number, line: string): void {
  try {
    writeSync(file, `${line}\n`)
  } catch {
    // A full disk does not end the demo.
  }
}

function eachLine(from: Readable | null, run: (line: string) => void): void {
  if (from !== null) createInterface(from).on('line', run)
}

/** Ends it, the hard way after two seconds. */
export function endSidecar({ process: child, ended }: Sidecar, clock: Clock): Promise<void> {
  child.kill('SIGTERM')
  const impatience = clock.after(2_000, () => void child.kill('SIGKILL'))
  return ended.finally(() => impatience.cancel())
}

/** Resolves when the sidecar serves; to false when it has ended instead, or `giveUpMs` are over. */
export async function untilReady(
  sidecar: Sidecar,
  clock: Clock,
  giveUpMs: number,
): Promise<boolean> {
  const until = clock.now() + giveUpMs
  let over = false
  void sidecar.ended.then(() => {
    over = true
  })
  while (!over && clock.now() < until) {
    if (await isReady(sidecar.admin)) return true
    await new Promise<void>((resolve) => void clock.after(25, resolve))
  }
  return false
}

function isReady(admin: number): Promise<boolean> {
  return new Promise((resolve) => {
    const question = { host: '127.0.0.1', port: admin, path: '/ready', timeout: 1_000 }
    const asked = http.get(question, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asked.once('timeout', () => asked.destroy())
    // Not listening yet, or too busy.
    asked.once('error', () => resolve(false))
  })
}
