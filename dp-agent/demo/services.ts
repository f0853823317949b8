import type { Server } from 'node:http'
import httpProxy from 'http-proxy-3'
import { nodeHttp as http } from '../node-http.ts'

/** One of the demo's small HTTP services, listening on loopback. */
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

/** The frontend: asks the backend through its own sidecar, at `backendPort`, and passes the answer on. */
export function startFrontend(port: number, backendPort: number): Promise<Service> {
  const agent = new http.Agent({ keepAlive: true })
  return serve(port, (request, response) => {
    const asked = http.get(
      {
        host: '127.0.0.1',
        port: backendPort,
        path: request.url,
        agent,
        headers: { host: 'backend' },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, { 'content-type': 'text/plain' })
        answer.pipe(response)
      },
    )
    asked.on('error', (error) => response.writeHead(502).end(`frontend: ${error.message}\n`))
  })
}

/** The API gateway, made with http-proxy-3: its door into the mesh is its sidecar's outbound at `meshPort`. */
export function startGateway(port: number, meshPort: number): Promise<Service> {
  const agent = new http.Agent({ keepAlive: true })
  const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${meshPort}`, agent })
  proxy.on('error', (error, _request, response) => {
    if (response instanceof http.ServerResponse)
      response.writeHead(502).end(`gateway: ${error.message}\n`)
  })
  return serve(port, (request, response) => proxy.web(request, response))
}

/** A server with this handler; rejects with the system's error when the port cannot be had. */
export function serve(
  port: number,
  handler: Parameters<typeof http.createServer>[1] & object,
): Promise<Service> {
  const server: Server = http.createServer(handler)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () =>
      resolve({
        stop() {
          server.close()
          server.closeAllConnections()
        },
      }),
    )
  })
}
