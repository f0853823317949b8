import { readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { feedSource } from '../../../config/feed/source.ts'
import type { Emission } from '../../../config/source.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { silentLog } from '../../../proxy/log.ts'

interface Example {
  publish(resources: readonly object[]): void
  listen(port: number): Promise<Server>
}

const dataplane = (port: number) => ({
  type: 'Dataplane',
  mesh: 'default',
  name: 'web',
  networking: {
    address: '127.0.0.1',
    inbound: [{ port, servicePort: 8080, tags: { 'kuma.io/service': 'web' } }],
  },
})

t.test('feed: the server of the documentation works', async (t) => {
  const page = readFileSync(new URL('../../../docs/feed.md', import.meta.url), 'utf8')
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  t.ok(code.split('\n').length <= 45, 'forty lines')
  // Below the package, so that `ws` is found.
  const file = join(t.testdir(), 'server.mjs')
  writeFileSync(file, code)
  const { publish, listen }: Example = await import(pathToFileURL(file).href)
  publish([{ type: 'Mesh', name: 'default' }, dataplane(10_001)])
  const server = await listen(0)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const emissions: Emission[] = []
  let wake = (): void => {}
  const source = feedSource({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    mesh: 'default',
    name: 'web',
    version: '1',
    credentials: () => ({ token: null, ca: null, cert: null, key: null }),
    stateDir: null,
    stateKeys: false,
    clock: systemClock,
    log: silentLog,
  })
  t.teardown(() => source.stop())
  source.start((emission) => {
    emissions.push(emission)
    wake()
  })
  const next = async (count: number): Promise<Emission | undefined> => {
    while (emissions.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return emissions[count - 1]
  }
  t.equal((await next(1))?.snapshot?.listeners[0]?.port, 10_001)
  publish([{ type: 'Mesh', name: 'default' }, dataplane(10_002)])
  t.equal((await next(2))?.snapshot?.listeners[0]?.port, 10_002)
})
