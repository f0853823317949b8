import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import type { Topology } from './peer.ts'
import { nginxVersion, startNginx } from './peers/nginx.ts'
import { freePort } from './processes.ts'

/** The bodies the upstream serves, by path. */
export const bodies = { '/1k': 1024, '/1m': 1 << 20 } as const

/** The application behind the proxies, on a port for each protocol. `kind` says which program it is. */
export interface Upstream {
  readonly kind: string
  readonly ports: Topology['upstreamPorts']
  stop(): Promise<void>
}

/** Starts nginx with the bodies as files, or a Node server with the same answers where nginx is missing. */
export async function startUpstream(dir: string): Promise<Upstream> {
  const version = nginxVersion()
  if (version === null) return startNodeUpstream()
  const root = join(dir, 'upstream')
  mkdirSync(root, { recursive: true })
  for (const [path, bytes] of Object.entries(bodies)) {
    writeFileSync(join(root, path), Buffer.alloc(bytes, 'x'))
  }
  const ports = { http1: await freePort(), http2: await freePort() }
  const server = `server {
    listen 127.0.0.1:${ports.http1}; listen 127.0.0.1:${ports.http2} http2;
    root ${root}; open_file_cache max=10;
  }`
  return { kind: `nginx ${version}`, ports, ...(await startNginx(root, server, ports.http2)) }
}

async function startNodeUpstream(): Promise<Upstream> {
  const answers = new Map(Object.entries(bodies).map(([p, n]) => [p, Buffer.alloc(n, 'x')]))
  const answer: RequestListener = (req, res) => {
    const body = answers.get(req.url ?? '')
    res.writeHead(body ? 200 : 404, { 'content-length': body?.length ?? 0 }).end(body)
  }
  const server = createServer({ keepAliveTimeout: 3_600_000 }, answer)
  // The compatibility layer's request and response do what the listener asks of them.
  const server2 = createHttp2Server(answer as never)
  const ports = { http1: await listen(server), http2: await listen(server2) }
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    server2.close()
  }
  return { kind: `node:http ${process.version}`, ports, stop }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
