import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { IdentityMaterial } from '../../config/settings.ts'
import type { Emission, Source } from '../../config/source.ts'
import { type AgentOptions, startAgent } from '../../dp-agent/agent.ts'
import type { DnsProxy } from '../../dp-agent/dns/dns-proxy.ts'
import { emptySnapshot } from '../../proxy/model/snapshot.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { answerLast, fakeSpawn } from '../support/fake-workers.ts'
import { memoryLog } from '../support/memory-log.ts'

const good: Emission = {
  snapshot: emptySnapshot,
  problems: [],
  settings: {
    metrics: {
      prometheus: null,
      openTelemetry: null,
      sidecar: { profile: 'basic', include: [], exclude: [], includeUnused: false },
      applications: [],
    },
    admin: { port: null },
    dns: null,
    bundles: [],
  },
  identity: null,
}
const pulse = { connections: 0, exchanges: 0, accepted: 0, heapUsedBytes: 1 }

/** An agent whose source, identity and only worker do what the test says. */
async function started(t: Test, over: Partial<AgentOptions> = {}) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const { spawn, workers } = fakeSpawn()
  const calls: string[] = []
  let emit: (emission: Emission) => void = () => {}
  let give: (identity: IdentityMaterial) => void = () => {}
  const source: Source = {
    start(to) {
      calls.push('start')
      emit = to
    },
    staleSince: () => null,
    stop: () => void calls.push('stop'),
  }
  const agent = await startAgent({
    clock,
    log,
    about: {
      version: '1.0.0',
      name: 'web',
      mesh: 'default',
      source: 'test',
      pid: 1,
      node: 'v26.0.0',
      startedAt: clock.wall(),
      options: {},
    },
    source,
    identity: {
      start(to) {
        give = to
      },
      stop: () => void calls.push('identity stop'),
    },
    compose: (emission, identity) =>
      emission.snapshot !== null && (emission.identity === null || identity !== null)
        ? { ok: true, snapshot: emission.snapshot }
        : { ok: false, wait: true, message: 'waiting for a certificate' },
    spawn,
    workers: 1,
    admin: { address: { host: '127.0.0.1', port: 0 }, hosts: [] },
    metricsCertificate: null,
    controlPlane: null,
    dns: null,
    drainTimeMs: 30_000,
    drainQuietMs: 0,
    ...over,
  })
  const worker = workers[0]!
  const get = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${agent.adminAddress?.port}${path}`, { method })
  const acknowledge = async () => {
    const told = worker.told.findLast((message) => message.kind === 'apply')
    const version = told?.kind === 'apply' ? told.version : 0
    worker.say({ kind: 'applied', version, failures: [] })
    await new Promise(setImmediate)
  }
  /** Lets the worker end when it is told to close; resolves to the exit code. */
  const ended = async () => {
    while (!worker.told.some((message) => message.kind === 'close')) await new Promise(setImmediate)
    worker.exit('exit code 0')
    return agent.ended
  }
  t.teardown(async () => {
    if (calls.includes('identity stop')) return
    await get('/quitquitquit', 'POST')
    await ended()
  })
  return {
    ...{ agent, calls, clock, lines, worker, get, acknowledge, ended },
    emit: (emission: Emission) => emit(emission),
    give: (identity: IdentityMaterial) => give(identity),
  }
}

t.test('agent: is ready once the first snapshot is at work', async (t) => {
  const { emit, get, acknowledge } = await started(t)
  t.equal(await (await get('/ready')).text(), 'INITIALIZING\n')
  emit(good)
  t.equal((await get('/ready')).status, 503, 'not before the workers say so')
  await acknowledge()
  t.equal(await (await get('/ready')).text(), 'LIVE\n')
})

t.test('agent: waits for its identity when the configuration asks for one', async (t) => {
  const { emit, give, get, acknowledge, worker } = await started(t)
  emit({ ...good, identity: { spiffeIds: ['spiffe://default/web'], trustDomain: 'default' } })
  t.same(worker.told, [])
  t.match(await (await get('/ready?verbose')).json(), { reasons: ['waiting for a certificate'] })
  give({ chain: '', key: '', bundles: [] })
  await acknowledge()
  t.equal((await get('/ready')).status, 200)
})

t.test('agent: a failed health check makes it not ready until it is taken back', async (t) => {
  const { emit, get, acknowledge } = await started(t)
  emit(good)
  await acknowledge()
  await get('/healthcheck/fail', 'POST')
  t.equal(await (await get('/ready')).text(), 'DRAINING\n')
  await get('/healthcheck/ok', 'POST')
  t.equal((await get('/ready')).status, 200)
})

t.test('agent: the DNS proxy is told its names, counted and closed', async (t) => {
  const told: unknown[] = []
  const counts = { queries: 3, answered: 2, forwarded: 1, failed: 0, refused: 0 }
  const dns: DnsProxy = {
    apply: (settings) => void told.push(settings),
    names: () => 1,
    counts: () => counts,
    close: async () => void told.push('close'),
  }
  const { agent, emit, acknowledge, worker, get, ended } = await started(t, { dns })
  const settings = { records: [{ name: 'backend.mesh', addresses: ['240.0.0.1'] }], ttlSeconds: 30 }
  emit({ ...good, settings: good.settings && { ...good.settings, dns: settings } })
  await acknowledge()
  t.same(told, [settings])
  const page = get('/metrics')
  while (!worker.told.some(({ kind }) => kind === 'ask')) await new Promise(setImmediate)
  answerLast(worker, { stats: [] })
  const text = await (await page).text()
  t.match(text, /^outrider_dns_names 1$/m)
  t.match(text, /^outrider_dns_queries_total 3$/m)
  agent.drain()
  answerLast(worker, { pulse })
  await ended()
  t.same(told, [settings, 'close'])
})

t.test('agent: the log level reaches the workers', async (t) => {
  const { get, worker } = await started(t)
  await get('/logging?level=error', 'POST')
  t.match(worker.told, [{ kind: 'log_level', level: 'error' }])
})

t.test('agent: a drain is over when the workers are idle, then everything is closed', async (t) => {
  const { agent, emit, acknowledge, worker, calls, ended, lines } = await started(t)
  emit(good)
  await acknowledge()
  agent.drain()
  agent.drain()
  t.match(worker.told.slice(1), [{ kind: 'drain' }, { kind: 'ask', what: 'pulse' }])
  answerLast(worker, { pulse })
  t.equal(await ended(), 0)
  t.same(calls, ['start', 'stop', 'identity stop'])
  t.equal(lines.filter((line) => line.includes('draining')).length, 1)
})

t.test('agent: quitquitquit ends it, even while it drains', async (t) => {
  const { agent, emit, acknowledge, get, ended } = await started(t, { drainQuietMs: 60_000 })
  emit(good)
  await acknowledge()
  agent.drain()
  t.equal((await get('/quitquitquit', 'POST')).status, 200)
  t.equal(await ended(), 0)
})

t.test('agent: reading again starts the source anew, but not while it ends', async (t) => {
  const { agent, calls, worker, ended } = await started(t)
  agent.reload()
  t.same(calls, ['start', 'stop', 'start'])
  agent.reopenLogs()
  t.match(worker.told, [{ kind: 'reopen_logs' }])
  agent.drain()
  agent.reload()
  await ended()
  t.equal(calls.filter((call) => call === 'start').length, 2)
})

t.test('agent: a configuration that cannot be used ends the start with code 1', async (t) => {
  const { emit, ended, lines } = await started(t)
  const problem = {
    ...{ file: 'a.yaml', line: 2, column: 1, resource: 'Mesh/x', path: '', message: 'is wrong' },
    ...{ hint: null, severity: 'error' as const },
  }
  emit({ snapshot: null, problems: [problem], settings: null, identity: null })
  t.equal(await ended(), 1)
  t.match(lines.at(-1), 'error a.yaml:2:1 Mesh/x: is wrong')
})

t.test(
  'agent: an admin address in use ends the start with code 3 before the source is read',
  async (t) => {
    const first = await started(t)
    const address = first.agent.adminAddress ?? { host: '', port: 0 }
    const { calls, ended, agent } = await started(t, { admin: { address, hosts: [] } })
    t.equal(agent.adminAddress, null)
    t.equal(await ended(), 3)
    t.same(calls, ['stop', 'identity stop'])
  },
)

t.test(
  'agent: a control plane hears at once when it drains, and of nothing afterwards',
  async (t) => {
    const told: string[] = []
    let ready = () => false
    const dir = mkdtempSync(join(tmpdir(), 'outrider-test-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const { agent, emit, acknowledge, get, ended } = await started(t, {
      controlPlane: {
        metricsSocket: join(dir, 'm.sock'),
        reportHealth(asked) {
          ready = asked
          return {
            changed: () => void told.push(ready() ? 'ready' : 'not ready'),
            stop: () => void told.push('stop'),
          }
        },
      },
    })
    t.equal(ready(), false, 'before the first configuration')
    emit(good)
    await acknowledge()
    t.equal(ready(), true)
    await get('/healthcheck/fail', 'POST')
    await get('/healthcheck/ok', 'POST')
    t.same(told, ['not ready', 'ready'])
    agent.drain()
    t.same(told, ['not ready', 'ready', 'not ready'])
    await get('/quitquitquit', 'POST')
    t.equal(await ended(), 0)
    t.same(told.at(-1), 'stop')
  },
)
