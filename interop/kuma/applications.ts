import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../bench/processes.ts'

/** Something that runs until it is stopped. */
export interface Started {
  stop(): Promise<void>
}

/**
 * An application: says its name and whom its sidecar saw calling. `/slow` takes a second and a half; `/flaky` answers 503
 * to the first try of a request and 200 to the next, told apart by `x-request-id`; `/sick` always 503.
 */
export async function startApp(name: string, port: number): Promise<Started> {
  const tried = new Set<string>()
  const server = createServer((request, response) => {
    const id = String(request.headers['x-request-id'])
    const fails = request.url === '/sick' || (request.url === '/flaky' && !tried.has(id))
    tried.add(id)
    const caller = /URI=([^;,]+)/.exec(String(request.headers['x-forwarded-client-cert']))?.[1]
    const answer = (): void => {
      response.writeHead(fails ? 503 : 200, { 'content-type': 'text/plain' })
      response.end(`${name} called by ${caller ?? 'nobody known'}`)
    }
    if (request.url === '/slow') void delay(1500).then(answer)
    else answer()
  })
  return listen(server, port)
}

/** An application without HTTP: gives every line back, with its name before it. */
export const startTcpApp = (name: string, port: number): Promise<Started> =>
  listen(
    createTcpServer((socket) => {
      socket.setEncoding('utf8')
      socket.on('data', (text) => socket.write(`${name} ${text}`))
      socket.on('error', () => socket.destroy())
    }),
    port,
  )

/** A collector of Zipkin: takes what it is sent and remembers the names of the services. */
export interface Collector extends Started {
  readonly url: string
  readonly heardOf: ReadonlySet<string>
}

export async function startCollector(): Promise<Collector> {
  const heardOf = new Set<string>()
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      for (const [, name] of text.matchAll(/"serviceName":"([^"]*)"/g)) heardOf.add(String(name))
      response.writeHead(202).end()
    })
  })
  const port = await freePort()
  const started = await listen(server, port)
  return { url: `http://127.0.0.1:${port}/api/v2/spans`, heardOf, ...started }
}

async function listen(server: Server, port: number): Promise<Started> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    stop: async () => {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}
