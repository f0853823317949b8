import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { demoPorts, shiftPorts, takenPorts } from '../../dp-agent/demo/ports.ts'
import { type OutriderProcess, startOutrider } from '../support/outrider.ts'

/** The first offset at which all ports of the demo are free. */
async function freeOffset(): Promise<number> {
  for (let offset = 11_000; offset < 30_000; offset += 130) {
    if ((await takenPorts(shiftPorts(offset))).length === 0) return offset
  }
  throw new Error('no room for the demo')
}

interface Running {
  readonly demo: OutriderProcess
  readonly offset: number
  /** What it has put into its directory for temporary files, which no other process uses. */
  readonly files: () => string[]
  readonly url: (port: number, path?: string) => string
}

/** The demo, on its way up, on ports that nobody else has. */
async function launchDemo(t: Test): Promise<Running> {
  const tmp = t.testdir()
  const offset = await freeOffset()
  const at = ['--port-offset', String(offset)]
  const demo = startOutrider(t, ['demo', ...at], { TMPDIR: tmp })
  return {
    demo,
    offset,
    files: () => readdirSync(tmp),
    url: (port, path = '/') => `http://127.0.0.1:${port + offset}${path}`,
  }
}

async function startDemo(t: Test): Promise<Running> {
  const running = await launchDemo(t)
  const { demo } = running
  const died = demo.exit.then((code) => Promise.reject(new Error(`exit ${code}: ${demo.err()}`)))
  died.catch(() => {})
  await Promise.race([demo.said('Ctrl-C'), died])
  return running
}

const ask = async (
  url: string,
  method: 'GET' | 'POST' = 'GET',
  headers: Record<string, string> = {},
) => {
  const answer = await request(url, { method, headers })
  return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Everything of the demo is gone: its processes, by the ports they had, and its files. */
async function nothingLeft({ offset, files }: Running): Promise<boolean> {
  while (files().length > 0 || (await takenPorts(shiftPorts(offset))).length > 0) await turn()
  return true
}

const v1 = 'backend v1, called by spiffe://default/frontend\n'
const v2 = 'backend v2, called by spiffe://default/frontend\n'

t.test(
  'demo: splits, denies, loses no request when v1 is killed, and leaves nothing',
  async (t) => {
    const running = await startDemo(t)
    const { demo, url } = running

    const answers = new Map<string, number>()
    for (let i = 0; i < 200; i += 1) {
      const { text } = await ask(url(demoPorts.gateway))
      answers.set(text, (answers.get(text) ?? 0) + 1)
    }
    t.same([...answers.keys()].sort(), [v1, v2])
    // 20 are expected; 60 would be 9 standard deviations away.
    t.ok((answers.get(v2) ?? 0) < 60, `v2 answered ${answers.get(v2)} of 200`)

    const chosen = await ask(url(demoPorts.gateway), 'GET', { 'x-version': 'v2' })
    t.match(chosen, { status: 200, text: v2, headers: { 'x-request-id': /^[0-9a-f-]{36}$/ } })

    const denied = await ask(url(demoPorts.gatewayToBackend))
    t.match(denied, { status: 403, text: 'RBAC: access denied' })

    const statuses = new Map<number, number>()
    let asked = 0
    const caller = async (): Promise<void> => {
      while (asked < 600) {
        asked += 1
        const { status } = await ask(url(demoPorts.gateway))
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (asked >= 200 && killing === null)
          killing = ask(url(demoPorts.control, '/kill/v1'), 'POST')
      }
    }
    let killing: ReturnType<typeof ask> | null = null
    await Promise.all([caller(), caller(), caller(), caller()])
    t.match(await killing, { status: 200, text: /^killed backend-v1-1/ })
    t.same([...statuses], [[200, 600]], 'before, during and after')

    const back = await ask(url(demoPorts.control, '/revive/v1'), 'POST')
    t.match(back, { status: 200, text: 'backend-v1-1 is back\n' })

    demo.kill('SIGINT')
    t.equal(await demo.exit, 0)
    t.same(await takenPorts(shiftPorts(running.offset)), [], 'the sidecars are gone')
    t.same(running.files(), [], 'and so is the directory')
    t.equal(demo.err(), '')
  },
)

t.test('demo: killed without a word, it takes sidecars and files with it', async (t) => {
  const running = await startDemo(t)
  running.demo.kill('SIGKILL')
  await running.demo.exit
  t.ok(await nothingLeft(running))
})

t.test('demo: interrupted while it starts, it ends cleanly', async (t) => {
  const running = await launchDemo(t)
  const { demo, files } = running
  while (files().length === 0) await turn()
  demo.kill('SIGINT')
  t.equal(await demo.exit, 0)
  t.equal(demo.err(), '')
  t.equal(demo.out(), '')
  t.ok(await nothingLeft(running))
})

t.test('demo: ports that are taken are named, with what to do', async (t) => {
  const tmp = t.testdir()
  const offset = await freeOffset()
  const ports = [demoPorts.frontendInbound + offset, demoPorts.gateway + offset]
  for (const port of ports) {
    const server = createServer().listen(port, '127.0.0.1')
    t.teardown(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
  }
  const at = ['--port-offset', String(offset)]
  const demo = startOutrider(t, ['demo', ...at], { TMPDIR: tmp })
  t.equal(await demo.exit, 1)
  t.match(demo.err(), `${ports[1]}, ${ports[0]}; move all of the demo with another --port-offset`)
  t.same(readdirSync(tmp), [])
})

t.test(
  'demo: a sidecar that dies of itself ends the demo, and its last words are shown',
  async (t) => {
    const running = await startDemo(t)
    const { demo, url } = running
    await ask(url(demoPorts.adminV2, '/quitquitquit'), 'POST')
    t.equal(await demo.exit, 1)
    t.match(demo.err(), 'sidecar backend-v2-1 has ended')
    t.ok(await nothingLeft(running))
  },
)
