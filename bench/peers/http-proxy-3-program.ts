import { Agent as HttpAgent, ServerResponse } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { createProxyServer } from 'http-proxy-3'
import { hopFromArgv, serveHop, tlsOptions } from './node-hop.ts'

const hop = hopFromArgv()
const target = `${hop.tls === 'upstream' ? 'https' : 'http'}://127.0.0.1:${hop.upstreamPort}`
const agent =
  hop.tls === 'upstream'
    ? new HttpsAgent({ keepAlive: true, ...tlsOptions(hop) })
    : new HttpAgent({ keepAlive: true })
const proxy = createProxyServer({ target, agent })
proxy.on('error', (_error, _req, res) => {
  if (res instanceof ServerResponse && !res.headersSent) res.writeHead(502).end()
})
serveHop(hop, (req, res) => proxy.web(req, res))
