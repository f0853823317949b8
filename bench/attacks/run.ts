import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeIdentities } from '../identities.ts'
import type { Running } from '../peer.ts'
import { peers } from '../peers.ts'
import { cpuMs, memoryMib } from '../processes.ts'
import { openLoop, percentile } from '../rate.ts'
import { table } from '../table.ts'
import { startUpstream } from '../upstream.ts'
import { attackNames } from './attacker.ts'

/**
 * `npm run attacks [-- --seconds 30 --peer outrider --only "rapid reset"]`: what other clients notice while one attacks over
 * HTTP/2, with four connections that come back 50 ms after they are thrown out. Beside it, the same while the attack goes to
 * another process of the same kind: what it costs the machine, and not the clients of the one attacked.
 */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    peer: { type: 'string', default: 'outrider' },
    only: { type: 'string' },
  },
})

const others = { path: '/1k', connections: 8, perSecond: 500 } as const

/** p50 and p99 of the others, CPU of the proxy (1 is a core) and its private memory at the end. */
async function look(running: Running, seconds: number): Promise<number[]> {
  const before = cpuMs(running.pids)
  const { latenciesMs } = await openLoop({ port: running.port, ...others, seconds })
  const cores = (cpuMs(running.pids) - before) / (seconds * 1000)
  return [
    percentile(latenciesMs, 50),
    percentile(latenciesMs, 99),
    cores,
    memoryMib(running.pids).anon,
  ]
}

/** A look while `target` is attacked. */
async function during(
  name: string,
  target: Running,
  running: Running,
  seconds: number,
): Promise<number[]> {
  const program = join(import.meta.dirname, 'attacker.ts')
  const attacker = spawn(process.execPath, [program, name, String(target.port)], {
    stdio: 'inherit',
  })
  try {
    await delay(1000) // the start of the attacker's own program is no part of it
    return await look(running, seconds)
  } finally {
    attacker.kill('SIGKILL')
  }
}

const cells = (figures: readonly number[]): string[] => figures.map((value) => value.toFixed(2))

const dir = mkdtempSync(join(tmpdir(), 'outrider-bench-'))
makeIdentities(dir)
const upstream = await startUpstream(dir)
const peer = peers.find(({ name }) => name === values.peer)
if (peer === undefined) throw new Error(`no peer ${values.peer}`)
const start = (name: string): Promise<Running> => {
  mkdirSync(join(dir, name))
  return peer.start({
    path: 'hop',
    protocol: 'http1',
    endpoints: 1,
    upstreamPorts: upstream.ports,
    dir: join(dir, name),
    identities: dir,
    nodeFlags: [],
  })
}
const running = await start('peer')
const bystander = await start('bystander')
const rows: string[][] = []
try {
  const seconds = Number(values.seconds)
  await look(running, 2)
  rows.push(['none', '–', ...cells(await look(running, seconds))])
  for (const name of attackNames.filter(
    (one) => values.only === undefined || one === values.only,
  )) {
    rows.push([name, 'another', ...cells(await during(name, bystander, running, seconds))])
    rows.push([name, 'this', ...cells(await during(name, running, running, seconds))])
    console.log(rows.slice(-2).join('\n'))
  }
  rows.push(['none', '–', ...cells(await look(running, seconds))])
} finally {
  await running.stop()
  await bystander.stop()
  await upstream.stop()
  rmSync(dir, { recursive: true, force: true })
}
console.log(table(['attack', 'on process', 'p50 ms', 'p99 ms', 'cores', 'RssAnon MiB'], rows))
