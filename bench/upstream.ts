import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { nginxVersion, startNginx } from './peers/nginx.ts'
import { freePort } from './processes.ts'

/** The bodies the upstream serves, by path. */
export const bodies = { '/1k': 1024, '/1m': 1 << 20 } as const

/** The application behind the proxies. `kind` says which program it is. */
export interface Upstream {
  readonly kind: string
  readonly port: number
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
  const port = await freePort()
  const server = `server { listen 127.0.0.1:${port}; root ${root}; open_file_cache max=10; }`
  return { kind: `nginx ${version}`, port, ...(await startNginx(root, server, port)) }
}

async function startNodeUpstream(): Promise<Upstream> {
  const answers = new Map(Object.entries(bodies).map(([p, n]) => [p, Buffer.alloc(n, 'x')]))
  const server = createServer((req, res) => {
    const body = answers.get(req.url ?? '')
    res.writeHead(body ? 200 : 404, { 'content-length': body?.length ?? 0 }).end(body)
  })
  server.keepAliveTimeout = 3_600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
  }
  return { kind: `node:http ${process.version}`, port: address.port, stop }
}
