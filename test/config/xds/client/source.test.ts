import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Emission } from '../../../../config/source.ts'
import { type XdsOptions, xdsSource } from '../../../../config/xds/client/source.ts'
import { openStream } from '../../../../config/xds/client/stream.ts'
import { systemClock } from '../../../../proxy/clock.ts'
import { memoryLog } from '../../../support/memory-log.ts'
import { testCa } from '../../../support/pki.ts'
import { type XdsServer, xdsServer } from '../../../support/xds-server.ts'
import { noOutside, simple } from '../../../support/xds-translators.ts'

const cds = { name: 'backend' }
const eds = (...ports: number[]) => ({
  cluster_name: 'backend',
  endpoints: ports.map((priority) => ({ priority })),
})
const lds = { name: 'out', stat_prefix: 'backend' }
const whole = {
  clusters: { backend: cds },
  endpoints: { backend: eds(1, 2) },
  listeners: { out: lds },
}

interface Test {
  teardown(run: () => unknown): void
}

interface Running {
  readonly emissions: readonly Emission[]
  readonly lines: readonly string[]
  staleSince(): number | null
  /** Resolves with the first emission, past or coming, for which it holds. */
  until(holds: (emission: Emission) => boolean): Promise<Emission>
  stop(): void
}

function run(
  t: Test,
  server: XdsServer,
  over: Partial<XdsOptions> & { delta?: boolean } = {},
): Running {
  const { log, lines } = memoryLog()
  const address = { target: `127.0.0.1:${server.port}`, tls: null, pings: true, metadata: [] }
  const source = xdsSource({
    dial: async () => ({ address, node: { id: 'default.web' }, delta: over.delta ?? true }),
    node: () => ({ id: 'default.web' }),
    openStream,
    translators: simple,
    outside: noOutside,
    fixed: [],
    problems: [],
    keep: null,
    clock: systemClock,
    log,
    ...over,
  })
  const emissions: Emission[] = []
  const watchers = new Set<() => void>()
  source.start((emission) => {
    emissions.push(emission)
    for (const watcher of watchers) watcher()
  })
  t.teardown(() => source.stop())
  return {
    emissions,
    lines,
    staleSince: source.staleSince,
    stop: () => source.stop(),
    until: (holds) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = emissions.find(holds)
          if (found === undefined) return
          watchers.delete(look)
          resolve(found)
        }
        watchers.add(look)
        look()
      }),
  }
}

const ports = ({ snapshot }: Emission): readonly number[] =>
  (snapshot?.endpoints ?? []).flatMap(({ localities }) =>
    localities.flatMap(({ endpoints }) => endpoints.map(({ port }) => port)),
  )
const isNack = (request: Readonly<Record<string, unknown>>): boolean =>
  request.error_detail !== undefined

for (const delta of [true, false]) {
  const protocol = delta ? 'delta' : 'state of the world'

  t.test(`xds ${protocol}: a whole configuration arrives and is acknowledged`, async (t) => {
    const server = await xdsServer(t, whole)
    const { until, emissions, staleSince } = run(t, server, { delta })
    const { snapshot, problems } = await until(({ snapshot }) => snapshot !== null)
    t.equal(emissions.length, 1, 'nothing is emitted half configured')
    t.same(
      snapshot?.listeners.map(({ name }) => name),
      ['out'],
    )
    t.same(
      snapshot?.clusters.map(({ name }) => name),
      ['backend'],
    )
    t.same(
      snapshot?.endpoints[0]?.localities[0]?.endpoints.map(({ port }) => port),
      [1, 2],
    )
    t.same(problems, [])
    t.equal(staleSince(), null)
    t.match(server.requests[0], { node: { id: 'default.web' } })
    t.notOk(server.requests.some(isNack))
    t.equal(server.requests.filter(({ node }) => node !== undefined).length, 1)
  })

  t.test(`xds ${protocol}: changes, additions and removals follow`, async (t) => {
    const server = await xdsServer(t, whole)
    const { until } = run(t, server, { delta })
    await until(() => true)
    server.set({ ...whole, endpoints: { backend: eds(3) } })
    await until((one) => ports(one).join() === '3')
    const other = { ...eds(4), cluster_name: 'other' }
    server.set({
      ...whole,
      clusters: { backend: cds, other: { name: 'other' } },
      endpoints: { backend: eds(3), other },
    })
    await until((one) => ports(one).join() === '3,4')
    server.set({ clusters: {}, endpoints: {}, listeners: {} })
    const { snapshot } = await until(
      ({ snapshot }) => snapshot?.clusters.length === 0 && snapshot.listeners.length === 0,
    )
    t.same(snapshot?.endpoints, [])
  })

  t.test(
    `xds ${protocol}: a bad resource is refused by name, and its last good version stays`,
    async (t) => {
      const server = await xdsServer(t, whole)
      const { until, lines } = run(t, server, { delta })
      await until(() => true)
      server.set({
        ...whole,
        clusters: {
          backend: { ...cds, alt_stat_name: 'bad' },
          other: { name: 'other', load_assignment: {} },
        },
      })
      const nack = await server.request(isNack)
      t.match(nack, { error_detail: { code: 3, message: 'Cluster backend alt_stat_name: is bad' } })
      const { snapshot, problems } = await until(({ snapshot }) => snapshot?.clusters.length === 2)
      t.same(
        snapshot?.clusters.map(({ name }) => name),
        ['backend', 'other'],
      )
      t.match(problems, [{ resource: 'Cluster/backend', path: 'alt_stat_name', message: 'is bad' }])
      t.ok(lines.some((line) => line.includes('error Cluster/backend alt_stat_name: is bad')))
      server.set(whole)
      await until(
        ({ problems, snapshot }) => problems.length === 0 && snapshot?.clusters.length === 1,
      )
    },
  )

  t.test(`xds ${protocol}: a server that was away finds us as we were`, async (t) => {
    const server = await xdsServer(t, whole)
    const { until, staleSince, lines } = run(t, server, { delta })
    await until(() => true)
    await server.stop()
    await new Promise<void>((resolve) => {
      const look = (): void => (staleSince() === null ? void setImmediate(look) : resolve())
      look()
    })
    t.ok(lines.some((line) => line.includes('control plane lost')))
    server.set({ ...whole, endpoints: { backend: eds(9) } })
    const before = server.sent.length
    await server.restart()
    await until((one) => ports(one).join() === '9')
    t.equal(staleSince(), null)
    if (delta) t.same(server.sent.slice(before), ['endpoints/backend'], 'only what changed is sent')
  })

  t.test(`xds ${protocol}: 10,000 endpoints in one message of more than 4 MiB`, async (t) => {
    const zone = 'z'.repeat(500)
    const list = Array.from({ length: 10_000 }, (_, index) => ({
      priority: index + 1,
      locality: { zone },
    }))
    const server = await xdsServer(t, {
      ...whole,
      endpoints: { backend: { ...eds(), endpoints: list } },
    })
    const { until } = run(t, server, { delta })
    t.equal(ports(await until(() => true)).length, 10_000)
  })
}

t.test('xds: secrets are asked for when something needs them, and waited for', async (t) => {
  const clusters = { backend: { ...cds, transport_socket: { name: 'roots' } } }
  const secrets = {
    roots: {
      name: 'roots',
      validation_context: { trusted_ca: { inline_string: testCa().certificate } },
    },
  }
  const server = await xdsServer(t, { ...whole, clusters, secrets: { roots: { name: 'roots' } } })
  const { until, emissions } = run(t, server)
  await server.request(({ resource_names_subscribe: names }) => String(names) === 'roots')
  await server.request(
    ({ type_url, response_nonce }) =>
      response_nonce !== undefined && String(type_url).endsWith('Secret'),
  )
  t.same(emissions, [], 'an empty secret is not ready')
  server.set({ ...whole, clusters, secrets })
  const { snapshot } = await until(() => true)
  t.same(
    snapshot?.secrets.map(({ name }) => name),
    ['roots'],
  )
})

t.test(
  'xds: the last good configuration serves after a restart without the control plane',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'outrider-xds-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const keep = { dir, owner: 'default/web', keys: false }
    const server = await xdsServer(t, whole)
    const first = run(t, server, { keep })
    await first.until(() => true)
    first.stop()
    await server.stop()
    t.equal(statSync(join(dir, 'last-known-good.json')).mode & 0o777, 0o600)
    const second = run(t, server, { keep })
    const [emission] = second.emissions
    t.same(emission && ports(emission), [1, 2], 'at once')
    t.ok(Number(second.staleSince()) > 0)
    const before = server.sent.length
    server.set({
      ...whole,
      listeners: { out: { ...lds, name: 'out' }, more: { ...lds, name: 'more' } },
    })
    await server.restart()
    await second.until(({ snapshot }) => snapshot?.listeners.length === 2)
    t.same(server.sent.slice(before), ['listeners/more'], 'what is kept is not sent again')
  },
)

t.test('xds: a token goes with the stream, and a refusal of it is told', async (t) => {
  const server = await xdsServer(t, whole)
  const { log, lines } = memoryLog()
  const refused = Promise.withResolvers<void>()
  let tries = 0
  const source = xdsSource({
    async dial() {
      tries += 1
      if (tries > 1) refused.resolve()
      throw new Error('the token file cannot be read')
    },
    node: () => ({ id: 'default.web' }),
    openStream,
    translators: simple,
    outside: noOutside,
    fixed: [],
    problems: [],
    keep: null,
    clock: { ...systemClock, random: () => 0 },
    log,
  })
  t.teardown(() => source.stop())
  source.start(() => t.fail('nothing is there'))
  await refused.promise
  t.ok(lines.some((line) => line.includes('the token file cannot be read')))
  t.equal(server.requests.length, 0)
})
