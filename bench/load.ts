import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { which } from './processes.ts'

const run = promisify(execFile)

/** What a closed loop of `connections` clients, each sending as soon as it is answered, should do. */
export interface Load {
  readonly port: number
  readonly path: string
  readonly connections: number
  readonly seconds: number
}

/** Requests answered with a 2xx status, and how long it really took. */
export interface LoadResult {
  readonly requests: number
  readonly seconds: number
}

/** The program that makes the load: `wrk` where it is installed, else autocannon. */
export const loadProgram = (): 'wrk' | 'autocannon' => (which('wrk') ? 'wrk' : 'autocannon')

/** Runs a closed loop from another process. Throws when any request fails: a proxy that answers 503 quickly is not fast. */
export function closedLoop(load: Load): Promise<LoadResult> {
  return loadProgram() === 'wrk' ? wrk(load) : autocannon(load)
}

/** A closed loop over HTTP/2 without TLS: `streams` requests at a time on each connection. Made by h2load. */
export async function closedLoopH2(load: Load & { readonly streams: number }): Promise<LoadResult> {
  const { port, path, connections, streams, seconds } = load
  if (!which('h2load')) throw new Error('h2load is not installed')
  const shape = ['-t1', `-c${connections}`, `-m${streams}`, `-D${seconds}`]
  const { stdout } = await run('h2load', [...shape, `http://127.0.0.1:${port}${path}`])
  const [, done, failed] = /, (\d+) succeeded, (\d+) failed/.exec(stdout) ?? []
  if (!Number(done) || failed !== '0' || !/ 0 3xx, 0 4xx, 0 5xx/.test(stdout)) {
    throw new Error(stdout.slice(stdout.indexOf('requests:')))
  }
  return { requests: Number(done), seconds }
}

async function wrk({ port, path, connections, seconds }: Load): Promise<LoadResult> {
  const shape = ['-t1', `-c${connections}`, `-d${seconds}s`]
  const { stdout } = await run('wrk', [...shape, `http://127.0.0.1:${port}${path}`])
  const failure = /Socket errors:.*|Non-2xx.*/.exec(stdout)
  if (failure) throw new Error(failure[0])
  const [, requests, took] = /(\d+) requests in ([\d.]+)s/.exec(stdout) ?? []
  if (!Number(requests)) throw new Error(`no request was answered: ${stdout}`)
  return { requests: Number(requests), seconds: Number(took) }
}

async function autocannon({ port, path, connections, seconds }: Load): Promise<LoadResult> {
  const program = join(import.meta.dirname, '../node_modules/autocannon/autocannon.js')
  const shape = ['-j', '-c', String(connections), '-d', String(seconds)]
  const args = [program, ...shape, `http://127.0.0.1:${port}${path}`]
  const { stdout } = await run(process.execPath, args)
  const result: { '2xx': number; non2xx: number; errors: number; duration: number } =
    JSON.parse(stdout)
  const failed = result.non2xx + result.errors
  if (failed > 0) throw new Error(`${failed} requests failed`)
  return { requests: result['2xx'], seconds: result.duration }
}
