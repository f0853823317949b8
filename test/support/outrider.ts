import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

const main = new URL('../../dp-agent/main.ts', import.meta.url).pathname

/** A line of the operational log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }

/** A process of the program itself; see `startOutrider`. */
export interface OutriderProcess {
  /** Resolves with the first log line (JSON) that has this message, now or later; rejects when the process ends before. */
  logged(message: string): Promise<LogLine>
  /** Everything on standard error so far. */
  readonly err: () => string
  readonly out: () => string
  /** Resolves when standard output has this text. */
  said(text: string): Promise<void>
  readonly exit: Promise<number | null>
  kill(signal: NodeJS.Signals): void
}

/**
 * Runs `outrider` with these arguments, and with an environment of its own: the test runner's must not reach it. Killed
 * when the test ends.
 */
export function startOutrider(
  t: Test,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  program = main,
): OutriderProcess {
  const child = spawn(process.execPath, [program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit').then(([code]): number | null => code)
  t.teardown(() => {
    child.kill('SIGKILL')
    return exit
  })
  let out = ''
  const listening = new Set<() => void>()
  child.stdout.on('data', (chunk) => {
    out += chunk
    for (const look of listening) look()
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  createInterface(child.stderr).on('line', (line) => {
    lines.push(line)
    for (const look of waiting) look()
  })
  return {
    out: () => out,
    said: (text) =>
      new Promise((resolve) => {
        const look = () => {
          if (!out.includes(text)) return
          listening.delete(look)
          resolve()
        }
        listening.add(look)
        look()
      }),
    err: () => lines.join('\n'),
    exit,
    kill: (signal) => void child.kill(signal),
    logged: (message) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.find((one) => one.includes(`"msg":"${message}"`))
          if (line === undefined) return
          waiting.delete(look)
          resolve(JSON.parse(line))
        }
        waiting.add(look)
        look()
        void exit.then(() => reject(new Error(`ended without "${message}":\n${lines.join('\n')}`)))
      }),
  }
}
