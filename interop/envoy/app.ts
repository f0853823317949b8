import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import type { AppName, Arrival, Headers } from './case.ts'

/** An application, which does as the header `x-do` of a request says. */
export interface App {
  /** What arrived since it was asked last. */
  take(): readonly Arrival[]
  stop(): void
}

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/**
 * Listens on a port of loopback or on the path of a socket. `x-do` may hold, separated by `;`: `status 503`; `slow 1000`
 * (milliseconds); `reset` (the connection); `header name value`; `bytes 70000` (of the body); `first` (all this only for the
 * first request since it was asked last). Without, it answers 200 and its name. Every answer names the application.
 */
export async function startApp(name: AppName, place: number | string): Promise<App> {
  let arrivals: Arrival[] = []
  const arrived = (request: Request, response: Response): void => {
    const list = arrivals
    const index = list.push(arrivalOf(name, request)) - 1
    let body = ''
    request.setEncoding('utf8')
    request.on('error', () => {})
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const arrival = list[index]
      if (arrival !== undefined) list[index] = { ...arrival, body }
      void answer(name, doingOf(request, index), request, response)
    })
  }
  const server = name === 'c' ? createHttp2Server(arrived) : createServer(arrived)
  server.listen(typeof place === 'string' ? { path: place } : { port: place, host: '127.0.0.1' })
  await once(server, 'listening')
  return {
    take() {
      const taken = arrivals
      arrivals = []
      return taken
    },
    stop: () => void server.close(),
  }
}

const arrivalOf = (app: AppName, request: Request): Arrival => ({
  app,
  method: request.method ?? '',
  path: request.url ?? '',
  version: request.httpVersion,
  headers: sortedHeaders(request.rawHeaders),
  body: '',
})

/** A flat list of names and values, as `Headers` says. */
export function sortedHeaders(raw: readonly string[]): Headers {
  const headers: Record<string, string[]> = {}
  for (let i = 0; i < raw.length; i += 2) {
    const name = String(raw[i]).toLowerCase()
    headers[name] = [...(headers[name] ?? []), String(raw[i + 1])]
  }
  return Object.fromEntries(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What follows each word of `x-do`. */
function doingOf(request: Request, index: number): ReadonlyMap<string, string> {
  const words = String(request.headers['x-do'] ?? '').split(';')
  const doing = new Map(
    words.map((word) => {
      const [name = '', ...value] = word.trim().split(' ')
      return [name, value.join(' ')]
    }),
  )
  return doing.has('first') && index > 0 ? new Map() : doing
}

async function answer(
  name: AppName,
  doing: ReadonlyMap<string, string>,
  request: Request,
  response: Response,
): Promise<void> {
  if (doing.has('reset')) return void request.socket.destroy()
  await delay(Number(doing.get('slow') ?? 0))
  if (response.destroyed) return
  const [header = 'x-app', ...value] = (doing.get('header') ?? `x-app ${name}`).split(' ')
  response.setHeader(header, value.join(' '))
  response.statusCode = Number(doing.get('status') ?? 200)
  const bytes = doing.get('bytes')
  response.end(bytes === undefined ? name : name.repeat(Number(bytes)))
}
