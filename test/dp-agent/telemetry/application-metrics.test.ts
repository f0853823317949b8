import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { mergedPages, scrapeApplications } from '../../../dp-agent/telemetry/application-metrics.ts'
import { silentLog } from '../../../proxy/log.ts'

async function application(t: Test, name: string, serve: RequestListener) {
  const server = createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { name, address: '127.0.0.1', port, path: '/metrics' }
}

t.test('application metrics: pages one after the other, and who was there', async (t) => {
  const one = await application(t, 'one', (req, res) => {
    t.equal(req.url, '/metrics')
    res.end('# TYPE a counter\r\na 1\r\n# EOF\n')
  })
  const two = await application(t, 'two "2"', (_, res) => res.end('b 2'))
  const broken = await application(t, 'broken', (_, res) => res.writeHead(500).end('c 3'))
  const cut = await application(t, 'cut', (_, res) => {
    res.writeHead(200, { 'content-length': 100 }).write('d 4')
    setImmediate(() => res.destroy())
  })
  const away = { name: 'away', address: '127.0.0.1', port: 1, path: '/' }
  const pages = await scrapeApplications([one, two, broken, cut, away], silentLog)
  const text = mergedPages(pages)
  t.match(text, /^# TYPE a counter\na 1\nb 2\n# HELP outrider_application_up /)
  t.same(text.match(/^outrider_application_up.*$/gm), [
    'outrider_application_up{application="one"} 1',
    'outrider_application_up{application="two \\"2\\""} 1',
    'outrider_application_up{application="broken"} 0',
    'outrider_application_up{application="cut"} 0',
    'outrider_application_up{application="away"} 0',
  ])
  t.notMatch(text, /^[cd] /m)
  t.equal(mergedPages([]), '')
})

t.test('application metrics: a page without end is not shown', async (t) => {
  const endless = await application(t, 'endless', (_, res) => {
    const line = `x ${'1'.repeat(1_000_000)}\n`
    const more = (): void => {
      while (!res.destroyed && res.write(line));
    }
    res.on('drain', more)
    more()
  })
  const [page] = await scrapeApplications([endless], silentLog)
  t.equal(page?.up, false)
  t.equal(page?.text, '')
})
