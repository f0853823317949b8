import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { startMetricsSocket } from '../../../dp-agent/telemetry/metrics-socket.ts'
import { memoryLog } from '../../support/memory-log.ts'

/** A short path: those of sockets have to fit in some hundred bytes. */
function socketPath(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-test-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return join(dir, 'm.sock')
}

/** Asks until the socket is there. */
async function ask(t: Test, path: string, target = '/metrics') {
  const dispatcher = new Agent({ connect: { socketPath: path } })
  t.teardown(() => dispatcher.destroy())
  for (;;) {
    const answer = await request(`http://metrics${target}`, { dispatcher }).catch(() => null)
    if (answer !== null) return { status: answer.statusCode, body: await answer.body.text() }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test('metrics socket: every path is the page, in place of a dead socket', async (t) => {
  const path = socketPath(t)
  writeFileSync(path, '')
  const { log, lines } = memoryLog()
  const socket = startMetricsSocket({
    path,
    log,
    scrape: async (usedOnly) => ({ type: 'text/plain', body: `usedOnly ${usedOnly}` }),
  })
  t.teardown(() => socket.close())
  t.same(await ask(t, path), { status: 200, body: 'usedOnly false' })
  t.same(await ask(t, path, '/x?usedonly'), { status: 200, body: 'usedOnly true' })
  t.same(lines, [])
})

t.test('metrics socket: a scrape that fails is 500, and told', async (t) => {
  const path = socketPath(t)
  const { log, lines } = memoryLog()
  const socket = startMetricsSocket({ path, log, scrape: () => Promise.reject(new Error('no')) })
  t.teardown(() => socket.close())
  t.match(await ask(t, path), { status: 500 })
  t.match(lines, [/^error scrape failed .*no/])
})

t.test('metrics socket: a path that cannot be bound is told, and nothing else', async (t) => {
  const { log, lines } = memoryLog()
  const path = join(socketPath(t), 'm.sock')
  const socket = startMetricsSocket({ path, log, scrape: () => Promise.reject(new Error()) })
  while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.match(lines, [/^error metrics socket cannot be served .*m\.sock/])
  await socket.close()
})
