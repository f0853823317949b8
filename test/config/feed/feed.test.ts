import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { serveFeed } from '../../../config/feed/server.ts'
import { feedSource } from '../../../config/feed/source.ts'
import type { Emission } from '../../../config/source.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'

const mesh = (address = '10.0.0.1') => `
type: Mesh
name: default
---
type: Dataplane
mesh: default
name: web
networking: { address: 127.0.0.1, outbound: [{ port: 10001, tags: { kuma.io/service: app } }] , gateway: { type: DELEGATED, tags: { kuma.io/service: web } } }
---
type: Dataplane
mesh: default
name: app
networking: { address: ${address}, inbound: [{ port: 80, servicePort: 8080, tags: { kuma.io/service: app } }] }
`

async function lab(t: Test, options: { token?: string; shown?: string; state?: string } = {}) {
  const dir = t.testdir({ 'mesh.yaml': mesh() })
  const file = join(dir, 'mesh.yaml')
  const serverClock = fakeClock()
  const serverLog = memoryLog()
  const start = (port = 0) =>
    serveFeed({
      paths: [file],
      server: createServer((_, response) => response.end()),
      address: { host: '127.0.0.1', port },
      token: options.token ?? null,
      clock: serverClock,
      log: serverLog.log,
    })
  let server = await start()
  t.teardown(() => server.close())
  const { log, lines } = memoryLog()
  const unreadable = { now: false }
  const connect = () => {
    const emissions: Emission[] = []
    let wake = (): void => {}
    const source = feedSource({
      url: `ws://127.0.0.1:${server.port}/`,
      mesh: 'default',
      name: 'web',
      version: '1',
      credentials() {
        if (unreadable.now) throw new Error('--feed-token-file cannot be read')
        return { token: options.shown ?? null, ca: null, cert: null, key: null }
      },
      stateDir: options.state ?? null,
      stateKeys: false,
      clock: systemClock,
      log,
    })
    t.teardown(() => source.stop())
    source.start((emission) => {
      emissions.push(emission)
      wake()
    })
    const until = async (found: () => boolean): Promise<void> => {
      while (!found()) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    return { source, emissions, until }
  }
  const write = (text: string): void => {
    writeFileSync(file, text)
    serverClock.tick(500)
  }
  const restart = async (): Promise<void> => {
    const { port } = server
    await server.close()
    server = await start(port)
  }
  const { lines: serverLines } = serverLog
  return { connect, write, restart, server: () => server, unreadable, lines, serverLines }
}

const addressOf = ({ snapshot }: Emission): string | undefined =>
  snapshot?.endpoints[0]?.localities[0]?.endpoints[0]?.host

t.test('feed: resources come, changes follow, mistakes are refused', async (t) => {
  const { connect, write, serverLines } = await lab(t)
  const { emissions, until } = connect()
  await until(() => emissions.length === 1)
  t.equal(addressOf(emissions[0]!), '10.0.0.1')
  write(mesh('10.0.0.2'))
  await until(() => emissions.length === 2)
  t.equal(addressOf(emissions[1]!), '10.0.0.2')
  // Good as resources, but our own Dataplane is gone.
  write(mesh().replace('name: web', 'name: other'))
  await until(() => emissions.length === 3)
  t.equal(emissions[2]?.snapshot, null)
  t.match(emissions[2]?.problems[0], { severity: 'error' })
  while (!serverLines.some((line) => /refuses/.test(line))) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  write(mesh('10.0.0.3'))
  await until(() => emissions.length === 4)
  t.equal(addressOf(emissions[3]!), '10.0.0.3')
  // Not even resources: the server keeps that to itself.
  write('type: Mesh\nname: [')
  write(mesh('10.0.0.4'))
  await until(() => emissions.length === 5)
  t.equal(addressOf(emissions[4]!), '10.0.0.4')
})

t.test('feed: a server that comes back finds nothing to send', async (t) => {
  const { connect, restart, lines } = await lab(t)
  const { emissions, until } = connect()
  await until(() => emissions.length === 1)
  await restart()
  await until(() => emissions.length === 2)
  t.equal(addressOf(emissions[1]!), '10.0.0.1')
  t.ok(lines.some((line) => /feed lost/.test(line)))
})

t.test('feed: a token that cannot be read is another try, and not the end', async (t) => {
  const { connect, restart, unreadable, lines } = await lab(t)
  const { emissions, until } = connect()
  await until(() => emissions.length === 1)
  unreadable.now = true
  await restart()
  while (!lines.some((line) => /feed lost.*cannot be read/.test(line))) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  unreadable.now = false
  await until(() => emissions.length === 2)
  t.equal(addressOf(emissions[1]!), '10.0.0.1')
})

t.test('feed: the last known good configuration serves while the feed is away', async (t) => {
  const state = join(t.testdir(), 'state')
  const one = await lab(t, { state })
  const first = one.connect()
  await first.until(() => first.emissions.length === 1)
  first.source.stop()
  await one.server().close()
  const kept = join(state, 'last-known-good.json')
  t.ok(existsSync(kept))
  const again = one.connect()
  t.equal(again.emissions.length, 1, 'at once')
  t.equal(addressOf(again.emissions[0]!), '10.0.0.1')
  t.match(again.emissions[0]?.problems.at(-1)?.message, /last known good configuration, of 20/)
  await one.restart().catch(() => {})
  again.source.stop()
  writeFileSync(kept, readFileSync(kept, 'utf8').slice(0, 100))
  const damaged = one.connect()
  t.equal(damaged.emissions.length, 0)
  t.ok(one.lines.some((line) => /cannot be used/.test(line)))
})

t.test('feed: a token is asked for', async (t) => {
  const wrong = await lab(t, { token: 'secret', shown: 'other' })
  wrong.connect()
  while (!wrong.lines.some((line) => /feed lost/.test(line))) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.match(
    wrong.lines.find((line) => /feed lost/.test(line)),
    /401/,
  )
  t.notMatch(JSON.stringify(wrong.lines), /other/)
  const right = await lab(t, { token: 'secret', shown: 'secret' })
  const { emissions, until } = right.connect()
  await until(() => emissions.length === 1)
  t.ok(emissions[0]?.snapshot)
})
