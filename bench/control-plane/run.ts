import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { xdsServer } from '../../test/support/xds-server.ts'
import { freePort, memoryMib } from '../processes.ts'
import { type Seen, startLoad } from './load.ts'
import { large, small } from './resources.ts'

/** What a change of configuration costs while traffic flows: a control plane for tests, the built sidecar, one application. */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    flaps: { type: 'string', default: '1000' },
    only: { type: 'string', default: 'large,flaps,outage' },
    proxy: { type: 'string', default: 'outrider' },
  },
})
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const wanted = values.only.split(',')
const arrivals = 8
const isEnvoy = values.proxy === 'envoy'
const undo: (() => unknown)[] = []
const t = { teardown: (run: () => unknown) => void undo.push(run) }

const traffic = await startLoad()
undo.push(traffic.stop)
const appPort = traffic.app
const [port, admin] = [await freePort(), await freePort()]
const server = await xdsServer(t, small(port, appPort))
const sidecar = start()
sidecar.stderr?.resume()
undo.push(() => sidecar.kill('SIGKILL'))
const pids = [sidecar.pid ?? 0]
while (
  !(await fetch(`http://127.0.0.1:${admin}/ready`).then(
    ({ ok }) => ok,
    () => false,
  ))
)
  await pause(25)
traffic.start(port)
try {
  await pause(3_000)
  await traffic.look()
  await pause(5_000)
  say('quiet', await traffic.look())
  if (wanted.includes('large')) await arriving()
  if (wanted.includes('flaps')) await flapping(Number(values.flaps))
  if (wanted.includes('outage')) await outage(Number(values.minutes))
} finally {
  for (const run of undo.reverse()) await run()
}

function start(): ChildProcess {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-control-plane-'))
  undo.push(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'envoy.json')
  const socket = (at: number) => ({
    address: { socket_address: { address: '127.0.0.1', port_value: at } },
  })
  const http2 = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  const bootstrap = {
    node: { id: 'bench', cluster: 'bench' },
    admin: socket(admin),
    static_resources: {
      clusters: [
        {
          name: 'ads',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'ads',
            endpoints: [{ lb_endpoints: [{ endpoint: socket(server.port) }] }],
          },
          typed_extension_protocol_options: {
            [http2]: {
              '@type': `type.googleapis.com/${http2}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
    dynamic_resources: {
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'ads' } }],
      },
    },
  }
  writeFileSync(file, JSON.stringify(bootstrap))
  const stdio = ['ignore', 'ignore', 'pipe'] satisfies StdioOptions
  if (isEnvoy) return spawn('envoy', ['-c', file, '--concurrency', '1', '-l', 'error'], { stdio })
  const main = join(import.meta.dirname, '../../dist/dp-agent/main.js')
  const flags = ['--max-semi-space-size=4', '--optimize-for-size', main, 'run', '--bootstrap', file]
  const own = ['--admin', `127.0.0.1:${admin}`, '--log-level', 'info']
  return spawn(process.execPath, [...flags, ...own], { stdio })
}

function say(name: string, { requests, failed, reasons, p99Ms, maxMs }: Seen, more = ''): void {
  const why = [...reasons].map(([reason, n]) => ` ${n} × ${reason}`).join(';')
  const memory = memoryMib(pids)
  console.log(
    `${name}: ${requests} requests, ${failed} failed${why}, p99 ${p99Ms.toFixed(1)} ms, longest ${maxMs.toFixed(0)} ms, private ${memory.anon.toFixed(1)} MiB${more}`,
  )
}

/** Clusters of the snapshot that is at work. */
async function clusters(): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${admin}/clusters`)
  return new Set((await answer.text()).split('\n').map((line) => line.split('::')[0])).size
}

/** They arrive, and are gone again, some times: what a few hundred requests see differs from one arrival to the next. */
async function arriving(): Promise<void> {
  const before = memoryMib(pids).anon
  const everything = large(port, appPort)
  const quiet: number[] = []
  const during: number[] = []
  const took: number[] = []
  let requests = 0
  let failed = 0
  let after = 0
  for (let i = 0; i < arrivals; i += 1) {
    await traffic.look()
    await pause(2_000)
    quiet.push((await traffic.look()).p99Ms)
    const startedAt = performance.now()
    server.set(everything)
    // The clusters, which wait for their endpoints, then these.
    await applied(2)
    took.push(performance.now() - startedAt)
    const seen = await traffic.look()
    during.push(seen.p99Ms)
    requests += seen.requests
    failed += seen.failed
    if (i === 0) {
      await pause(20_000)
      after = memoryMib(pids).anon
    }
    if ((await clusters()) < 1_000) throw new Error('not all clusters are there')
    server.set(small(port, appPort))
    await pause(2_000)
  }
  const ratio = median(during) / median(quiet)
  console.log(
    `10,000 endpoints arrive ${arrivals} times: ${requests} requests, ${failed} failed; p99 ${spread(during, 1)} ms, of 2 s before ${spread(quiet, 1)} ms: ${ratio.toFixed(1)} times; ${spread(took, 0)} ms until they are at work; private memory 20 s after the first ${(after - before).toFixed(1)} MiB more`,
  )
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b)
}

function median(values: readonly number[]): number {
  return sorted(values)[Math.floor(values.length / 2)] ?? 0
}

/** Median, with the least and the most. */
function spread(values: readonly number[], digits: number): string {
  const [least = 0] = sorted(values)
  const shown = [median(values), least, sorted(values).at(-1) ?? 0].map((n) => n.toFixed(digits))
  return `${shown[0]} (${shown[1]} to ${shown[2]})`
}

/** Resolves when the sidecar has said so often that a configuration is at work; Envoy says it by a count. */
async function applied(times: number): Promise<void> {
  if (isEnvoy) {
    const url = `http://127.0.0.1:${admin}/stats?filter=cluster_manager.active_clusters`
    while (!/: 100\d/.test(await (await fetch(url)).text())) await pause(20)
    return
  }
  let left = times
  await new Promise<void>((resolve) => {
    const look = (chunk: Buffer): void => {
      left -= chunk.toString().split('configuration applied').length - 1
      if (left > 0) return
      sidecar.stderr?.off('data', look)
      resolve()
    }
    sidecar.stderr?.on('data', look)
  })
}

async function flapping(times: number): Promise<void> {
  const everyMs = 60_000 / times
  await traffic.look()
  const startedAt = performance.now()
  for (let i = 1; i <= times; i += 1) {
    server.set(small(port, appPort, i % 2 === 0 ? 'app' : 'other', String(i)))
    await pause(Math.max(0, startedAt + i * everyMs - performance.now()))
    if (i % Math.ceil(times / 4) === 0) say(`${i} flaps`, await traffic.look())
  }
  await pause(5_000)
  say('5 s later', await traffic.look())
}

async function outage(minutes: number): Promise<void> {
  server.set(small(port, appPort))
  await pause(1_000)
  await traffic.look()
  await server.stop()
  for (let i = 0; i < minutes; i += 1) {
    await pause(60_000)
    say(`control plane away for ${i + 1} min`, await traffic.look())
  }
  const before = server.sent.length
  server.set(small(port, appPort, 'app', 'changed'))
  await server.restart()
  await server.request(
    ({ type_url, response_nonce }) =>
      response_nonce !== undefined &&
      String(type_url).endsWith('Listener') &&
      server.sent.length > before,
  )
  await pause(2_000)
  say(
    'back with one change',
    await traffic.look(),
    `, sent: ${server.sent.slice(before).join(', ')}`,
  )
}
