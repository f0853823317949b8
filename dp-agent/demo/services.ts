import type { IncomingHttpHeaders, Server } from 'node:http'
import httpProxy from 'http-proxy-3'
import { nodeHttp as http } from '../node-http.ts'

const loopback = '127.0.0.1'

/** One of the demo's small HTTP services, listening. */
export interface Service {
  stop(): void
}

/** The backend: a line that says which version answered and whom its sidecar saw calling. */
export function startBackend(port: number, version: string): Promise<Service> {
  return serve(port, (request, response) => {
    const caller = /URI=([^;,]+)/.exec(String(request.headers['x-forwarded-client-cert']))?.[1]
    response.setHeader('content-type', 'text/plain')
    response.end(`backend ${version}, called by ${caller ?? 'nobody known'}\n`)
  })
}

/** What belongs to the whole way of a request: an application in a mesh passes it on. The mesh does the rest. */
const carried = ['x-request-id', 'traceparent', 'tracestate', 'b3', 'x-version'] as const

/** The frontend: asks the backend through its own sidecar, at `backendPort`, and passes the answer on. */
export function startFrontend(port: number, backendPort: number): Promise<Service> {
  const agent = new http.Agent({ keepAlive: true })
  return serve(port, (request, response) => {
    const question = { host: '127.0.0.1', port: backendPort, path: request.url, agent }
    const headers = { host: 'backend', ...carriedOf(request.headers) }
    const asked = http.get({ ...question, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, {
        'content-type': 'text/plain',
        'x-request-id': request.headers['x-request-id'] ?? 'none',
      })
      answer.on('error', () => response.destroy())
      answer.pipe(response)
    })
    asked.on('error', (error) => refuse(response, `frontend: ${error.message}`))
    response.on('close', () => asked.destroy())
  })
}

const carriedOf = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    carried.flatMap((name) => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )

/**
 * The API gateway, made with http-proxy-3: its door into the mesh is its sidecar's outbound at `meshPort`. `host` is
 * another address than loopback where callers come from elsewhere, as in a container.
 */
export function startGateway(port: number, meshPort: number, host = loopback): Promise<Service> {
  const agent = new http.Agent({ keepAlive: true })
  const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${meshPort}`, agent })
  proxy.on('error', (error, _request, response) => {
    if (response instanceof http.ServerResponse) refuse(response, `gateway: ${error.message}`)
  })
  return serve(port, (request, response) => proxy.web(request, response), host)
}

function refuse(response: InstanceType<typeof http.ServerResponse>, why: string): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(502, { 'content-type': 'text/plain' }).end(`${why}\n`)
}

/** A server with this handler; rejects with the system's error when the port cannot be had. */
export function serve(
  port: number,
  handler: Parameters<typeof http.createServer>[1] & object,
  host = loopback,
): Promise<Service> {
  const server: Server = http.createServer(handler)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () =>
      resolve({
        stop() {
          server.close()
          server.closeAllConnections()
        },
      }),
    )
  })
}
