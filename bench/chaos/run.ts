import { Agent, request } from 'node:http'
import {
  breakConfig,
  type ChaosMesh,
  launch,
  newCa,
  type Sidecar,
  startApp,
  startMesh,
  untilReady,
  writeConfig,
  writeIdentity,
} from './mesh.ts'

/** What a phase has seen. */
interface Tally {
  requests: number
  failed: number
  /** POSTs lost with the process that was killed while it had them: no proxy can tell whether they were acted on. */
  lostInFlight: number
  readonly reasons: Map<string, number>
  readonly latencies: number[]
}

const callers = 16
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

let lastId = 0

/** One request; null when it was answered with its own id, else what came instead. */
function ask(agent: Agent, port: number, method: string): Promise<string | null> {
  lastId += 1
  const id = String(lastId)
  return new Promise((resolve) => {
    const asked = request(
      { port, host: '127.0.0.1', agent, method, headers: { 'x-id': id } },
      (answer) => {
        let body = ''
        answer.setEncoding('utf8')
        answer.on('data', (text) => {
          body += text
        })
        answer.on('end', () =>
          resolve(
            answer.statusCode === 200 && body === id
              ? null
              : `${answer.statusCode} ${body.slice(0, 90)}`,
          ),
        )
        answer.on('error', (error) => resolve(error.message))
      },
    )
    asked.on('error', (error) => resolve(error.message))
    asked.end(method === 'POST' ? 'x'.repeat(200) : undefined)
  })
}

/** Runs a fault under load, from before it until some time after. */
async function phase(
  mesh: ChaosMesh,
  name: string,
  kills: boolean,
  fault: () => Promise<void>,
): Promise<Tally> {
  const tally: Tally = {
    requests: 0,
    failed: 0,
    lostInFlight: 0,
    reasons: new Map(),
    latencies: [],
  }
  const agent = new Agent({ keepAlive: true, maxSockets: callers })
  let on = true
  const load = Array.from({ length: callers }, async (_, index) => {
    while (on) {
      const method = index % 4 === 0 ? 'POST' : 'GET'
      const startedAt = performance.now()
      const wrong = await ask(agent, mesh.port, method)
      tally.latencies.push(performance.now() - startedAt)
      tally.requests += 1
      if (wrong !== null) {
        if (kills && method === 'POST' && wrong.startsWith('503 upstream')) tally.lostInFlight += 1
        else tally.failed += 1
        tally.reasons.set(wrong, (tally.reasons.get(wrong) ?? 0) + 1)
      }
      // A pace that leaves the faults something of the machine.
      await pause(2)
    }
  })
  await pause(500)
  await fault()
  await pause(1_000)
  on = false
  await Promise.all(load)
  agent.destroy()
  const sorted = tally.latencies.sort((a, b) => a - b)
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0
  console.log(
    `| ${name} | ${tally.requests} | ${tally.failed} | ${tally.lostInFlight} | ${p99.toFixed(1)} |${[...tally.reasons].map(([why, n]) => ` ${n}× ${why}`).join(';')}`,
  )
  return tally
}

async function reload(mesh: ChaosMesh): Promise<void> {
  for (let i = 1; i <= 100; i += 1) {
    if (i % 10 === 0) breakConfig(mesh)
    else writeConfig(mesh, i)
    await pause(80)
  }
  writeConfig(mesh, 101)
}

/** 20 rotations; the 7th brings a second CA into every bundle, the 8th leaves of it, the 9th takes the first one out. */
async function rotate(mesh: ChaosMesh): Promise<void> {
  const [first, second] = [mesh.ca, newCa()]
  for (let i = 1; i <= 20; i += 1) {
    const ca = i < 8 ? first : second
    const roots = i < 7 ? [first] : i < 9 ? [first, second] : [second]
    for (const { name, service } of mesh.sidecars) writeIdentity(mesh, name, service, ca, roots)
    // Until every sidecar has taken them up: its poll is 2 s at the latest.
    await pause(i >= 6 && i <= 10 ? 2_500 : 300)
  }
  mesh.ca = second
}

async function restartSidecar(
  mesh: ChaosMesh,
  sidecar: Sidecar,
  signal: NodeJS.Signals,
): Promise<void> {
  const old = sidecar.process
  const gone = new Promise((resolve) => old.once('exit', resolve))
  old.kill(signal)
  await gone
  await pause(500)
  sidecar.process = launch(mesh, sidecar.name, sidecar.admin)
  await untilReady(sidecar)
}

async function killApp(mesh: ChaosMesh): Promise<void> {
  const [app] = mesh.apps
  if (app === undefined) return
  app.server.close().closeAllConnections()
  await pause(2_000)
  app.server = await startApp(mesh.executed, app.port)
}

const mesh = await startMesh(newCa())
try {
  console.log(
    '| fault | requests | failed | POSTs in flight at a kill | p99 ms |\n|---|---:|---:|---:|---:|',
  )
  const shops = mesh.sidecars.filter(({ service }) => service === 'shop')
  const tallies = [
    await phase(mesh, 'none', false, () => pause(3_000)),
    await phase(mesh, '100 reloads, every tenth broken', false, () => reload(mesh)),
    await phase(mesh, '20 rotations of every certificate, CA changed on the way', false, () =>
      rotate(mesh),
    ),
    await phase(mesh, 'a backend application dies and comes back', true, () => killApp(mesh)),
    await phase(mesh, 'a backend sidecar is killed (-9) and restarted', true, () =>
      restartSidecar(mesh, shops[0] as Sidecar, 'SIGKILL'),
    ),
    await phase(mesh, 'every backend sidecar is rolled (SIGTERM, restart)', false, async () => {
      for (const sidecar of shops) await restartSidecar(mesh, sidecar, 'SIGTERM')
    }),
  ]
  const sum = (of: (tally: Tally) => number): number =>
    tallies.reduce((total, tally) => total + of(tally), 0)
  const twice = [...mesh.executed.values()].filter((times) => times > 1).length
  console.log(
    `| all | ${sum((one) => one.requests)} | ${sum((one) => one.failed)} | ${sum((one) => one.lostInFlight)} | |`,
  )
  console.log(`\nPOSTs acted on more than once: ${twice}`)
  process.exitCode = sum((one) => one.failed) + twice === 0 ? 0 : 1
} finally {
  await mesh.stop()
}
