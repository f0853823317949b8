import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** The full path of a program on PATH (or in /usr/sbin, where daemons live), or null. */
export function which(program: string): string | null {
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    try {
      accessSync(join(dir, program), constants.X_OK)
      return join(dir, program)
    } catch {
      // not here: look in the next one
    }
  }
  return null
}

/** A port of the loopback interface that was free a moment ago, for programs that cannot report the one they bound. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}

/** A started program: it accepts connections, and `pids` are all of its processes. */
export interface Program {
  readonly pids: readonly number[]
  /** What it last wrote to standard output and standard error. */
  words(): string
  stop(): Promise<void>
}

/** Starts a program and waits until something listens on `port`. Throws with the program's words when it does not. */
export async function startProgram(
  command: string,
  args: readonly string[],
  port: number,
): Promise<Program> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  orphans.add(child)
  let words = ''
  const listen = (chunk: Buffer): void => {
    words = (words + chunk.toString()).slice(-4000)
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  child.on('error', (error) => {
    words += error.message
  })
  const stop = (): Promise<void> => stopChild(child)
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (tries < 100 && child.exitCode === null && child.pid !== undefined) await delay(100)
    else {
      await stop()
      throw new Error(`does not listen on port ${port}: ${words}`)
    }
  }
  if (child.pid === undefined) throw new Error(`${command} has no process id`)
  return { pids: [child.pid, ...descendants(child.pid)], words: () => words, stop }
}

// Programs to take along when the benchmark is interrupted.
const orphans = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of orphans) child.kill('SIGKILL')
})
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

async function stopChild(child: ChildProcess): Promise<void> {
  orphans.delete(child)
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  // A proxy that drains politely would hold up the next measurement.
  const impatience = setTimeout(() => child.kill('SIGKILL'), 3000)
  await gone
  clearTimeout(impatience)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function descendants(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((candidate) => statFields(candidate)?.[1] === String(pid))
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** The fields of /proc/<pid>/stat after the command name, or null when the process is gone. Source: proc_pid_stat(5). */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command name may itself hold spaces and parentheses, so the last one ends it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** User and system CPU used so far by the processes and all of their threads, in milliseconds, in steps of one kernel tick (10 ms). */
export function cpuMs(pids: readonly number[]): number {
  return pids.reduce((ms, pid) => {
    const fields = statFields(pid)
    if (!fields) throw new Error(`process ${pid} ended during the measurement`)
    return ms + ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
  }, 0)
}

/** Resident and private anonymous memory, in MiB. Private memory leaves out the program's own file pages, which are shared or can be dropped. */
export interface Memory {
  readonly rss: number
  readonly anon: number
}

/** Memory of the processes together. Source: `VmRSS` and `RssAnon` of proc_pid_status(5). */
export function memoryMib(pids: readonly number[]): Memory {
  const sum = (field: string): number =>
    pids.reduce((mib, pid) => {
      const status = readFileSync(`/proc/${pid}/status`, 'latin1')
      return mib + Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024
    }, 0)
  return { rss: sum('VmRSS'), anon: sum('RssAnon') }
}
