import { rmSync } from 'node:fs'
import type { Log } from '../../proxy/log.ts'
import { nodeHttp } from '../node-http.ts'

const maxConnections = 32
const requestMs = 10_000

export interface MetricsSocketOptions {
  /** Of the Unix socket; what is left of an earlier process is removed. */
  readonly path: string
  readonly log: Log
  readonly scrape: (usedOnly: boolean) => Promise<{ readonly type: string; readonly body: string }>
}

/** The page of metrics where a control plane's listener for Prometheus sends scrapers. */
export interface MetricsSocket {
  close(): Promise<void>
}

/**
 * Serves the page on a Unix socket, on every path, since the listener before it decides which one scrapers ask for. Without the
 * socket traffic flows all the same: that it cannot be bound is an error in the log. Kuma: the "metrics hijacker".
 */
export function startMetricsSocket({ path, log, scrape }: MetricsSocketOptions): MetricsSocket {
  const limits = { requestTimeout: requestMs, headersTimeout: requestMs }
  const server = nodeHttp.createServer(limits, (request, response) => {
    if (request.method !== 'GET') {
      response.writeHead(405).end()
      return
    }
    const [, search = ''] = (request.url ?? '').split('?', 2)
    scrape(new URLSearchParams(search).has('usedonly')).then(
      ({ type, body }) => void response.writeHead(200, { 'content-type': type }).end(body),
      (error: unknown) => {
        log.error('scrape failed', { error: String(error) })
        response.writeHead(500).end()
      },
    )
  })
  server.maxConnections = maxConnections
  server.on('error', (error) => {
    log.error('metrics socket cannot be served', { path, error: String(error) })
  })
  rmSync(path, { force: true })
  server.listen({ path, readableAll: false, writableAll: false })
  return {
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}
