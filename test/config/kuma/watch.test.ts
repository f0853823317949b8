import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { kumaFiles } from '../../../config/kuma/watch.ts'
import { type Emission, formatProblem } from '../../../config/source.ts'
import { type Clock, systemClock } from '../../../proxy/clock.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { testCa } from '../../support/pki.ts'

const mesh = (port: number): string => `
type: Dataplane
name: web-1
networking:
  address: 127.0.0.1
  inbound: [{port: ${port}, servicePort: 1, tags: {kuma.io/service: web}}]
`

/** The same with an outbound to what is outside, whose authority is in a file. */
const withOutside = (ca: string): string => `${mesh(8_001).trimEnd()}
  outbound: [{port: 10001, backendRef: {kind: MeshExternalService, name: outside}}]
---
type: MeshExternalService
name: outside
spec:
  match: {port: 80}
  endpoints: [{address: 10.0.0.9, port: 80}]
  tls: {enabled: true, verification: {caCert: {type: File, file: {path: ${ca}}}}}
`

// A source keeps no process alive by itself; a test that waits for one must.
const alive = setInterval(() => {}, 1_000)
t.teardown(() => clearInterval(alive))

/** Emissions, each to be waited for in turn. */
function watched(
  test: { teardown(run: () => void): void },
  paths: readonly string[],
  clock: Clock,
) {
  const emissions: Emission[] = []
  let wake: (() => void) | null = null
  const source = kumaFiles({ paths, mesh: 'default', name: 'web-1', clock, environment: {} })
  const start = () =>
    source.start((emission) => {
      emissions.push(emission)
      wake?.()
    })
  start()
  test.teardown(() => source.stop())
  const next = async (): Promise<Emission> => {
    if (emissions.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return emissions.shift()!
  }
  return { source, start, next, emissions }
}

const portOf = ({ snapshot }: Emission) => snapshot?.listeners[0]?.port ?? null
const textOf = ({ problems }: Emission) => problems.map(formatProblem).join('\n')

t.test('watch: emits at once, and again after an edit', async (test) => {
  const directory = test.testdir({ 'a.yaml': mesh(8_001) })
  const { next } = watched(test, [directory], systemClock)
  test.equal(portOf(await next()), 8_001)
  writeFileSync(`${directory}/a.yaml`, mesh(8_002))
  test.equal(portOf(await next()), 8_002)
})

t.test('watch: a rename over a file is seen every time', async (test) => {
  const directory = test.testdir({ 'a.yaml': mesh(8_001) })
  const { next } = watched(test, [`${directory}/a.yaml`], systemClock)
  test.equal(portOf(await next()), 8_001)
  for (const port of [8_002, 8_003, 8_004]) {
    writeFileSync(`${directory}/new`, mesh(port))
    renameSync(`${directory}/new`, `${directory}/a.yaml`)
    test.equal(portOf(await next()), port)
  }
})

t.test('watch: the swap of a ConfigMap\u2019s link is seen every time', async (test) => {
  const directory = test.testdir({ v1: { 'a.yaml': mesh(8_001) } })
  const mount = `${directory}/mount`
  mkdirSync(mount)
  renameSync(`${directory}/v1`, `${mount}/..v1`)
  symlinkSync('..v1', `${mount}/..data`)
  symlinkSync('..data/a.yaml', `${mount}/a.yaml`)
  const { next } = watched(test, [mount], systemClock)
  test.equal(portOf(await next()), 8_001)
  for (const version of [2, 3]) {
    mkdirSync(`${mount}/..v${version}`)
    writeFileSync(`${mount}/..v${version}/a.yaml`, mesh(8_000 + version))
    symlinkSync(`..v${version}`, `${mount}/..data_tmp`)
    renameSync(`${mount}/..data_tmp`, `${mount}/..data`)
    test.equal(portOf(await next()), 8_000 + version)
  }
})

t.test('watch: files that come, go and move into new directories count', async (test) => {
  const directory = test.testdir({ 'a.yaml': mesh(8_001) })
  const clock = fakeClock()
  const { next } = watched(test, [directory], clock)
  await next()
  mkdirSync(`${directory}/sub`)
  renameSync(`${directory}/a.yaml`, `${directory}/sub/a.yaml`)
  clock.tick(2_000)
  test.equal(portOf(await next()), 8_001)
  rmSync(`${directory}/sub/a.yaml`)
  clock.tick(2_000)
  test.equal(
    textOf(await next()),
    'error Dataplane/web-1: is not in mesh "default"; the mesh has no Dataplane at all',
  )
})

t.test(
  'watch: a broken edit gives problems and no snapshot, mending it the next one',
  async (test) => {
    const directory = test.testdir({ 'a.yaml': mesh(8_001) })
    const clock = fakeClock()
    const { next } = watched(test, [directory], clock)
    test.equal(portOf(await next()), 8_001)
    writeFileSync(`${directory}/a.yaml`, mesh(80_002))
    clock.tick(2_000)
    const broken = await next()
    test.equal(broken.snapshot, null)
    test.equal(broken.settings, null)
    test.equal(
      textOf(broken),
      `${directory}/a.yaml:6:20 error Dataplane/web-1 networking.inbound[0].port: must be a port, 1 to 65535, got 80002`,
    )
    writeFileSync(`${directory}/a.yaml`, mesh(8_003))
    clock.tick(2_000)
    test.equal(portOf(await next()), 8_003)
  },
)

t.test('watch: a certificate that is replaced is read again', async (test) => {
  const [one, other] = [testCa('One').certificate, testCa('Other').certificate]
  const directory = test.testdir({
    mesh: {},
    'ca.pem': one,
  })
  writeFileSync(`${directory}/mesh/a.yaml`, withOutside(`${directory}/ca.pem`))
  const clock = fakeClock()
  const { next, emissions } = watched(test, [`${directory}/mesh`], clock)
  const bundle = ({ snapshot }: Emission) =>
    snapshot?.secrets.map((secret) => secret.kind === 'trust' && secret.domains[0]?.bundle)
  test.same(bundle(await next()), [one])
  writeFileSync(`${directory}/new.pem`, other)
  renameSync(`${directory}/new.pem`, `${directory}/ca.pem`)
  clock.tick(2_000)
  test.same(bundle(await next()), [other])
  clock.tick(10_000)
  test.equal(emissions.length, 0, 'nothing changed')
  rmSync(`${directory}/ca.pem`)
  clock.tick(2_000)
  test.match(textOf(await next()), /caCert: the file .*ca\.pem cannot be read; ENOENT$/)
})

t.test('watch: without events the poll finds a change, and only a change', async (test) => {
  const directory = test.testdir({ 'a.yaml': mesh(8_001) })
  const clock = fakeClock()
  const { next, emissions } = watched(test, [directory], clock)
  await next()
  clock.tick(10_000)
  test.equal(emissions.length, 0, 'nothing changed')
  writeFileSync(`${directory}/a.yaml`, mesh(8_001))
  clock.tick(2_000)
  test.equal(emissions.length, 0, 'the text is the same')
  writeFileSync(`${directory}/a.yaml`, mesh(8_002))
  clock.tick(1_999)
  clock.tick(1)
  test.equal(emissions.length, 1)
})

t.test(
  'watch: after stop nothing is emitted and no timer is left; start begins anew',
  async (test) => {
    const directory = test.testdir({ 'a.yaml': mesh(8_001) })
    const clock = fakeClock()
    const { source, start, next, emissions } = watched(test, [directory], clock)
    await next()
    source.stop()
    test.equal(clock.pending(), 0)
    writeFileSync(`${directory}/a.yaml`, mesh(8_002))
    clock.tick(10_000)
    test.equal(emissions.length, 0)
    start()
    test.equal(portOf(await next()), 8_002)
  },
)
