import t from 'tap'
import type { HttpFilter } from '../../../proxy/model/listener.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import { chain, endpoints, httpFilter, listener, snapshot } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** What the caller reads, and what the app does, of a request through a listener with these settings. */
async function ask(t: Test, over: Partial<HttpFilter>, target: string, fields = '') {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const listeners = [listener({ filterChains: [chain({ filter: httpFilter(over) })] })]
  const running = await runProxy(
    t,
    snapshot({ listeners, endpoints: [endpoints('app', app.port)] }),
  )
  const c = await rawClient(t, running.port())
  c.write(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`)
  const answer = await c.until((text) => text.includes('\r\n\r\n'))
  return { answer, head: app.heads[0] ?? '' }
}

t.test(
  'strict head: fields with an underscore pass, are dropped, or refuse the request',
  async (t) => {
    const fields = 'X_User: root\r\nx-user: me\r\n'
    const allowed = await ask(t, { underscoreHeaders: 'allow' }, '/', fields)
    t.match(allowed.head, /X_User: root/)
    const dropped = await ask(t, { underscoreHeaders: 'drop' }, '/', fields)
    t.match(dropped.head, /x-user: me/)
    t.notMatch(dropped.head, /X_User/)
    const rejected = await ask(t, { underscoreHeaders: 'reject' }, '/', fields)
    t.match(rejected.answer, /^HTTP\/1\.1 400 /)
    t.equal(rejected.head, '')
    t.match((await ask(t, { underscoreHeaders: 'reject' }, '/a_b?c_d')).answer, /^HTTP\/1\.1 200 /)
  },
)

t.test('strict head: escaped slashes stay, are slashes, or send the caller to them', async (t) => {
  const target = '/a%2fb%5Cc?q=%2F'
  t.match((await ask(t, { escapedSlashes: 'keep' }, target)).head, /^GET \/a%2fb%5Cc\?q=%2F /)
  t.match((await ask(t, { escapedSlashes: 'decode' }, target)).head, /^GET \/a\/b\/c\?q=%2F /)
  t.match((await ask(t, { escapedSlashes: 'decode' }, '/a/..%2f../b')).head, /^GET \/b /)
  t.match((await ask(t, { escapedSlashes: 'reject' }, target)).answer, /^HTTP\/1\.1 400 /)
  t.match((await ask(t, { escapedSlashes: 'reject' }, '/a?q=%2F')).answer, /^HTTP\/1\.1 200 /)
  const sent = await ask(t, { escapedSlashes: 'redirect' }, target)
  t.match(sent.answer, /^HTTP\/1\.1 307 [^]*location: http:\/\/a\.test\/a\/b\/c\?q=%2F\r\n/)
  t.equal(sent.head, '')
  // A path alone would be another host's.
  const away = await ask(t, { escapedSlashes: 'redirect' }, '/%2fb.test')
  t.match(away.answer, /location: http:\/\/a\.test\/\/b\.test\r\n/)
})

t.test('strict head: a gRPC caller is refused rather than redirected', async (t) => {
  const grpc = 'content-type: application/grpc\r\n'
  const { answer } = await ask(t, { escapedSlashes: 'redirect' }, '/a%2fb', grpc)
  t.match(answer, /grpc-status: /)
  t.notMatch(answer, /location/)
})
