import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { hopFromArgv, serveHop, tlsOptions } from './node-hop.ts'

const hop = hopFromArgv()
const pool =
  hop.tls === 'upstream'
    ? new Pool(`https://127.0.0.1:${hop.upstreamPort}`, {
        allowH2: false,
        connect: tlsOptions(hop),
      })
    : new Pool(`http://127.0.0.1:${hop.upstreamPort}`)

// Hop-by-hop fields of RFC 9110 §7.6.1, and those undici refuses or writes itself.
const dropped = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
])

serveHop(hop, (req, res) => {
  const bodiless = req.headers['content-length'] === undefined && !req.headers['transfer-encoding']
  pool.dispatch(
    {
      path: req.url ?? '/',
      method: req.method as Dispatcher.HttpMethod,
      headers: endToEnd(req.rawHeaders),
      body: bodiless ? null : req,
    },
    forward(req, res),
  )
})

function forward(req: IncomingMessage, res: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      res.on('drain', () => controller.resume())
      req.on('aborted', () => controller.abort(new Error('downstream went away')))
    },
    onResponseStart(controller, status) {
      if (status < 200) return
      const raw = (controller as unknown as { rawHeaders: Buffer[] }).rawHeaders
      res.writeHead(status, endToEnd(raw.map((field) => field.toString('latin1'))))
    },
    onResponseData(controller, chunk) {
      if (!res.write(chunk)) controller.pause()
    },
    onResponseEnd: () => {
      res.end()
    },
    onResponseError() {
      if (res.headersSent) res.destroy()
      else res.writeHead(502).end()
    },
  }
}

function endToEnd(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (!dropped.has(name.toLowerCase())) kept.push(name, raw[i + 1] ?? '')
  }
  return kept
}
