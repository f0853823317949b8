import t from 'tap'
import type { AgentSettings, IdentityMaterial } from '../../config/settings.ts'
import type { Emission, SourceProblem } from '../../config/source.ts'
import type { Composed } from '../../dp-agent/compose.ts'
import { newConfiguration, type StartFailure } from '../../dp-agent/configuration.ts'
import { emptySnapshot, type Snapshot } from '../../proxy/model/snapshot.ts'
import type { ApplyFailure } from '../../proxy/proxy.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memoryLog } from '../support/memory-log.ts'

const settings: AgentSettings = {
  metrics: {
    prometheus: null,
    openTelemetry: null,
    sidecar: { profile: 'basic', include: [], exclude: [], includeUnused: false },
    applications: [],
  },
  admin: { port: null },
  dns: null,
  bundles: [],
}
const problem: SourceProblem = {
  file: 'mesh.yaml',
  line: 3,
  column: 7,
  resource: 'MeshRetry/foo',
  path: 'spec',
  message: 'must be an object',
  hint: null,
  severity: 'error',
}
const good: Emission = { snapshot: emptySnapshot, problems: [], settings, identity: null }
const bad: Emission = { snapshot: null, problems: [problem], settings: null, identity: null }
const secured: Emission = { ...good, identity: { spiffeIds: ['spiffe://d/web'], trustDomain: 'd' } }
const inUse: ApplyFailure = {
  resource: 'listener in',
  message: 'port 80 is in use',
  code: 'EADDRINUSE',
}

const identity = (key: string): IdentityMaterial => ({ chain: '', key, bundles: [] })

/** An identity is right when its key says so. */
function compose(emission: Emission, material: IdentityMaterial | null): Composed {
  if (emission.snapshot === null) throw new Error('never composed')
  if (emission.identity === null || material?.key === 'right') {
    return { ok: true, snapshot: emission.snapshot }
  }
  return { ok: false, wait: material === null, message: `identity ${material?.key ?? 'missing'}` }
}

function configuration(bindsLater = false) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const applied: ((failures: readonly ApplyFailure[]) => void)[] = []
  const failures: StartFailure[] = []
  let settled = 0
  const config = newConfiguration({
    clock,
    log,
    compose,
    bindsLater,
    apply: (_snapshot: Snapshot) => new Promise((resolve) => void applied.push(resolve)),
    onSettings: () => {
      settled += 1
    },
    onStartFailure: (failure) => void failures.push(failure),
  })
  const finish = async (result: readonly ApplyFailure[] = []) => {
    applied.at(-1)!(result)
    await new Promise(setImmediate)
  }
  return { clock, lines, applied, failures, config, finish, settled: () => settled }
}

t.test('configuration: serves once the first snapshot is at work', async (t) => {
  const { config, finish, lines, settled } = configuration()
  t.equal(config.waitingFor(), 'waiting for the configuration')
  config.emitted(good)
  t.match(config.status(), { version: 1, stale: false })
  t.not(config.waitingFor(), null)
  await finish()
  t.equal(config.waitingFor(), null)
  t.equal(settled(), 1)
  t.match(lines, ['info serving {"version":1}'])
})

t.test('configuration: a bad one at start ends it with every problem and code 1', async (t) => {
  const { config, failures, applied } = configuration()
  config.emitted(bad)
  t.same(failures, [{ code: 1, messages: ['mesh.yaml:3:7 MeshRetry/foo spec: must be an object'] }])
  t.equal(applied.length, 0)
})

t.test('configuration: warnings beside errors at the start are told as warnings', async (t) => {
  const { config, failures, lines } = configuration()
  const warning = { ...bad.problems[0]!, message: 'does nothing', severity: 'warning' as const }
  config.emitted({ ...bad, problems: [warning, ...bad.problems] })
  t.equal(failures[0]?.messages.length, 1)
  t.same(lines, ['warn mesh.yaml:3:7 MeshRetry/foo spec: does nothing {}'])
})

t.test('configuration: a bad one later keeps the last good one and says so', async (t) => {
  const { config, finish, lines, failures, applied } = configuration()
  config.emitted(good)
  await finish()
  config.emitted(bad)
  t.match(config.status(), { version: 1, stale: true, problems: [{ line: 3 }] })
  t.match(lines.slice(1), ['error mesh.yaml:3:7 MeshRetry/foo', 'error configuration refused'])
  t.equal(applied.length, 1)
  t.same(failures, [])
  config.emitted(good)
  await finish()
  t.match(config.status(), { version: 2, stale: false, problems: [] })
})

t.test('configuration: a port in use at start ends it with code 3', async (t) => {
  const { config, finish, failures } = configuration()
  config.emitted(good)
  await finish([inUse])
  t.same(failures, [{ code: 3, messages: ['listener in: port 80 is in use'] }])
})

t.test('configuration: a port in use later is tried again until it is free', async (t) => {
  const { clock, config, finish, lines, applied } = configuration()
  config.emitted(good)
  await finish()
  config.emitted(good)
  await finish([inUse])
  t.match(config.status().failures, [inUse])
  clock.tick(5_000)
  t.equal(applied.length, 3)
  await finish([inUse])
  t.equal(lines.filter((line) => line.includes('in use')).length, 1, 'said once')
  clock.tick(5_000)
  await finish()
  t.same(config.status().failures, [])
  t.equal(clock.pending(), 0)
})

t.test('configuration: waits for an identity at start, and refuses a wrong one', async (t) => {
  const { config, failures, finish } = configuration()
  config.emitted(secured)
  t.equal(config.waitingFor(), 'identity missing')
  config.identified(identity('right'))
  await finish()
  t.equal(config.waitingFor(), null)
  t.same(failures, [])
  const other = configuration()
  other.config.emitted(secured)
  other.config.identified(identity('wrong'))
  t.same(other.failures, [{ code: 1, messages: ['identity wrong'] }])
})

t.test('configuration: a wrong identity later leaves the right one at work', async (t) => {
  const { config, finish, applied } = configuration()
  config.emitted(secured)
  config.identified(identity('right'))
  await finish()
  config.identified(identity('wrong'))
  t.equal(applied.length, 1)
  t.match(config.status(), { version: 1, stale: true })
})

t.test('configuration: a newer snapshot makes the answer to an older one void', async (t) => {
  const { config, applied } = configuration()
  config.emitted(good)
  config.emitted(good)
  applied[0]!([inUse])
  await new Promise(setImmediate)
  t.same(config.status().failures, [])
  config.stop()
  applied[1]!([])
  await new Promise(setImmediate)
  t.not(config.waitingFor(), null)
})

t.test('configuration: where others say what to bind, what is in use is waited for', async (t) => {
  const { clock, config, finish, failures, applied, lines } = configuration(true)
  config.emitted(good)
  await finish([inUse])
  t.same(failures, [])
  t.match(lines, [/^error listener in: port 80 is in use/, /^info serving/])
  t.equal(config.waitingFor(), null)
  clock.tick(5_000)
  t.equal(applied.length, 2)
  await finish()
  t.same(config.status().failures, [])
})
