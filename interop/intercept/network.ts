import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'

/** Two machines and a cable: network namespaces, where traffic is intercepted as on a machine of its own. */
export interface Network {
  /** Runs a program to its end in a namespace; what it printed. */
  run(at: Side, program: string, ...args: readonly string[]): string
  /** Starts a program in a namespace, its output in a file. Ended with the network. */
  start(at: Side, log: string, program: string, ...args: readonly string[]): number
  close(): Promise<void>
}

/** `near` is the machine with the sidecar, `far` everything else. */
export type Side = 'near' | 'far'

export const addresses = {
  near: { ipv4: '10.99.0.1', ipv6: 'fd99::1' },
  far: { ipv4: '10.99.0.2', ipv6: 'fd99::2' },
} as const

const files = join(import.meta.dirname, '../../docker/intercept')

/** What is missing to intercept traffic here; null: nothing. */
export function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'only root can make network namespaces'
  for (const [program, arg] of [
    ['ip', '-V'],
    ['nft', '--version'],
    ['perl', '-v'],
    ['setpriv', '--version'],
  ] as const) {
    if (spawnSync(program, [arg]).status !== 0) return `there is no ${program}`
  }
  return null
}

/** The namespaces, with the rules of `docker/intercept` on the near side. */
export function openNetwork(): Network {
  const names = { near: `outrider-near-${process.pid}`, far: `outrider-far-${process.pid}` }
  const children: ReturnType<typeof spawn>[] = []
  const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8' })
  const within = (at: Side, ...args: readonly string[]) => ['netns', 'exec', names[at], ...args]
  const run: Network['run'] = (at, ...args) => ip(...within(at, ...args))
  const close = async (): Promise<void> => {
    const ends = children
      .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      .map((child) => {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        return ended
      })
    await Promise.all(ends)
    for (const name of Object.values(names)) spawnSync('ip', ['netns', 'del', name])
  }
  try {
    for (const name of Object.values(names)) ip('netns', 'add', name)
    const cable = ['veth0', 'netns', names.near, 'type', 'veth', 'peer', 'name', 'veth0']
    ip('link', 'add', ...cable, 'netns', names.far)
    for (const side of ['near', 'far'] as const) setUp(run, side)
    run('near', 'ip', 'route', 'add', 'default', 'via', addresses.far.ipv4)
    run('near', 'ip', '-6', 'route', 'add', 'default', 'via', addresses.far.ipv6)
    run('near', join(files, 'routes.sh'))
    for (const rules of ['rules.nft', 'dns.nft']) run('near', 'nft', '-f', join(files, rules))
  } catch (error) {
    void close()
    throw error
  }
  return {
    run,
    start(at, log, ...args) {
      const out = openSync(log, 'a')
      const child = spawn('ip', within(at, ...args), { stdio: ['ignore', out, out] })
      children.push(child)
      // `ip netns exec` becomes the program.
      return child.pid ?? 0
    },
    close,
  }
}

function setUp(run: Network['run'], side: Side): void {
  const { ipv4, ipv6 } = addresses[side]
  run(side, 'ip', 'link', 'set', 'lo', 'up')
  run(side, 'ip', 'link', 'set', 'veth0', 'up')
  run(side, 'ip', 'address', 'add', `${ipv4}/24`, 'dev', 'veth0')
  run(side, 'ip', '-6', 'address', 'add', `${ipv6}/64`, 'dev', 'veth0', 'nodad')
}

/** The program that gives a sidecar its sockets. */
export const launcher = join(files, 'launch.pl')
