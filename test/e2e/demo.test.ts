import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { request } from 'undici'
import { startOutrider } from '../support/outrider.ts'

const left = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('outrider-demo-'))

/** The demo on ports that are free: the first offset that nobody else has. */
async function startDemo(t: Parameters<typeof startOutrider>[0]) {
  for (let offset = 11_000; offset < 30_000; offset += 1_300) {
    const demo = startOutrider(t, ['demo', '--port-offset', String(offset)], { HOME: tmpdir() })
    const up = await Promise.race([demo.said('Ctrl-C'), demo.exit.then(() => false)])
    if (up !== false) return { demo, offset }
    if (!demo.err().includes('in use')) throw new Error(demo.err())
  }
  throw new Error('no room for the demo')
}

const ask = async (url: string, method: 'GET' | 'POST' = 'GET') => {
  const { statusCode, body } = await request(url, { method })
  return { status: statusCode, text: await body.text() }
}

t.test(
  'demo: splits, denies, survives the death of an instance, and leaves nothing behind',
  async (t) => {
    const before = left()
    const { demo, offset } = await startDemo(t)
    const url = (port: number, path = '/') => `http://127.0.0.1:${port + offset}${path}`

    const versions = new Set<string>()
    for (let i = 0; i < 200 && versions.size < 2; i += 1)
      versions.add((await ask(url(10_000))).text)
    t.same([...versions].sort(), [
      'backend v1, called by spiffe://default/frontend\n',
      'backend v2, called by spiffe://default/frontend\n',
    ])

    t.same(await ask(url(10_003)), { status: 403, text: 'RBAC: access denied' })

    t.match(await ask(url(10_009, '/kill/v1'), 'POST'), { text: /^killed/ })
    const statuses = new Set<number>()
    for (let i = 0; i < 100; i += 1) statuses.add((await ask(url(10_000))).status)
    t.same([...statuses], [200])

    t.match(await ask(url(9_902, '/ready?verbose')), { status: 200, text: /"errors": 0/ })
    demo.kill('SIGINT')
    t.equal(await demo.exit, 0)
    await t.rejects(ask(url(9_902, '/ready')), 'the sidecars are gone')
    const fresh = left().filter((name) => !before.includes(name))
  t.same(fresh, [], 'and so is the directory')
  },
)

t.test('demo: a port that is taken is named, with what to do', async (t) => {
  const { offset } = await startDemo(t)
  const second = startOutrider(t, ['demo', '--port-offset', String(offset)])
  t.equal(await second.exit, 1)
  t.match(second.err(), /port \d+ on 127\.0\.0\.1 is in use; .*--port-offset/)
})
