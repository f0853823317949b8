import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { FilterChain } from '../../proxy/model/listener.ts'
import { identity } from '../support/mtls-hop.ts'
import { runProxy } from '../support/proxy.ts'
import { chain, endpoints, httpFilter, listener, snapshot } from '../support/snapshot.ts'

/**
 * `npm run conformance`: h2spec's whole list, strict cases too, against our listener. It looks for `h2spec` on PATH
 * (https://github.com/summerwind/h2spec), which is a Go program and no part of `npm test`.
 */

const tls: FilterChain['tls'] = {
  certificate: 'identity',
  trust: 'trust',
  requireClientCertificate: false,
  peerIdentities: [],
  alpn: ['h2', 'http/1.1'],
  versions: { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] },
}

const listeners: Readonly<Record<string, { chain: FilterChain; flags: readonly string[] }>> = {
  'h2c with prior knowledge': {
    chain: chain({ filter: httpFilter({ codec: 'http2' }) }),
    flags: [],
  },
  'TLS with ALPN': { chain: chain({ tls }), flags: ['--tls', '--insecure'] },
}

const found = await h2spec(['--version']).then(
  (text) => text.trim(),
  () => null,
)

for (const [name, { chain, flags }] of Object.entries(listeners)) {
  t.test(
    `h2spec: every case passes, ${name}`,
    {
      skip: found === null ? 'h2spec is not on PATH' : false,
      timeout: 300_000,
    },
    async (t) => {
      const app = await startApp(t)
      const proxy = await runProxy(
        t,
        snapshot({
          listeners: [listener({ filterChains: [chain] })],
          endpoints: [endpoints('app', app)],
          secrets: identity('server'),
        }),
      )
      const port = ['--host', '127.0.0.1', '--port', String(proxy.port())]
      const words = await h2spec([...port, '--strict', '--timeout', '2', ...flags])
      t.comment(words.slice(words.lastIndexOf('Finished')))
      t.match(words, / 0 failed/)
      t.match(words, / 0 skipped/)
    },
  )
}

/** An application that reads what it gets and answers with a little. */
async function startApp(t: Test): Promise<number> {
  const server = createServer((req, res) => {
    req.resume().on('end', () => res.end('hello'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** What it prints, failed cases and all; rejects when it cannot be run. */
function h2spec(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('h2spec', args, { maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      if (error !== null && 'code' in error && typeof error.code === 'string') reject(error)
      else resolve(stdout + stderr)
    })
  })
}
