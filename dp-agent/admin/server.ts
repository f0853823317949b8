import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { nearest } from '../../config/nearest.ts'
import type { Log } from '../../proxy/log.ts'
import type { SocketAddress } from '../cli/option.ts'
import { nodeHttp } from '../node-http.ts'
import type { AgentView } from './agent-view.ts'
import { endpoints } from './endpoints.ts'
import { refuse } from './guard.ts'
import { plainText, type Reply } from './reply.ts'

const maxConnections = 64
/** For a whole request; its body is never read. */
const requestMs = 10_000
const maxHeadBytes = 16_384

/** Nothing from elsewhere, in no frame, never stored. */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

export interface AdminOptions {
  readonly address: SocketAddress
  /** Host names it answers to besides IP addresses and localhost. */
  readonly hosts: readonly string[]
  readonly log: Log
}

export interface AdminServer {
  /** As bound. */
  readonly address: SocketAddress
  close(): Promise<void>
}

/** Binds the admin server; rejects with the system's error when it cannot. */
export async function startAdmin(agent: AgentView, options: AdminOptions): Promise<AdminServer> {
  const server = nodeHttp.createServer(
    { requestTimeout: requestMs, headersTimeout: requestMs, maxHeaderSize: maxHeadBytes },
    (request, response) => void serve(agent, options, request, response),
  )
  server.maxConnections = maxConnections
  const { host } = options.address
  const port = await listen(server, options.address)
  return {
    address: { host, port },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

function listen(server: Server, { host, port }: SocketAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port)
    })
  })
}

async function serve(
  agent: AgentView,
  options: AdminOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refuse(request, options.hosts)
  if (refusal !== null) {
    send(response, plainText(refusal.message, refusal.status), {})
    return
  }
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
  const [path = '/', search = ''] = (request.url ?? '/').split('?', 2)
  const rows = endpoints.filter((row) => row.path === path)
  const row = rows.find((one) => one.method === method)
  if (row === undefined) {
    const allow = rows.map((one) => one.method).join(', ')
    const reply = allow === '' ? notFound(path) : plainText(`${allow} only`, 405)
    send(response, reply, allow === '' ? {} : { allow })
    return
  }
  try {
    send(response, await row.handle(agent, new URLSearchParams(search)), {})
  } catch (error) {
    options.log.error('admin endpoint failed', { path, error: String(error) })
    send(response, plainText('failed; the log says why', 500), {})
  }
}

function notFound(path: string): Reply {
  const meant = nearest(
    path,
    endpoints.map((row) => row.path),
  )
  return plainText(`no such page${meant === null ? '' : `; did you mean ${meant}?`} See /help`, 404)
}

function send(
  response: ServerResponse,
  { status, type, body }: Reply,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, {
    ...securityHeaders,
    ...headers,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
