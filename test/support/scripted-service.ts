import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2ServerRequest } from 'node:http2'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import { duplexPair } from 'node:stream'
import {
  createSecureContext,
  type SecureContextOptions,
  TLSSocket,
  type TLSSocketOptions,
} from 'node:tls'

interface Test {
  teardown(run: () => unknown): void
}

/** A request as a scripted service got it. */
export interface Arrival {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Of the connection, from 0. */
  readonly connection: number
  /** `clock.now()` of the lab. */
  readonly at: number
  readonly request: IncomingMessage
}

/** A service on loopback whose answers a test decides; until told otherwise it answers 200. */
export interface ScriptedService {
  readonly port: number
  /** HTTP requests, in order. */
  readonly arrivals: Arrival[]
  /** Connections ever accepted. */
  readonly accepted: Socket[]
  readonly open: Set<Socket>
  /** What to do with the n-th request, from 1. */
  answer: (arrival: Arrival, response: ServerResponse, n: number) => void
  /** For bytes in place of HTTP: gets every connection. */
  serve: ((socket: Socket) => void) | null
  /** Speak TLS on connections to come. */
  secure: (SecureContextOptions & TLSSocketOptions) | null
  /** Refuses connections from now on, and ends those that are open. */
  stop(): Promise<void>
  /** Listens again, on the same port. */
  start(): Promise<void>
}

/** Starts a service; closed with all its connections at the end of the test. HTTP/2 is spoken without negotiation. */
export async function scriptedService(
  t: Test,
  now: () => number,
  http2: boolean,
): Promise<ScriptedService> {
  const http = http2 ? createHttp2Server() : createServer({ keepAliveTimeout: 0 })
  let server: Server
  const service: { -readonly [K in keyof ScriptedService]: ScriptedService[K] } = {
    port: 0,
    arrivals: [],
    accepted: [],
    open: new Set(),
    answer: (_arrival, response) => void response.end('ok'),
    serve: null,
    secure: null,
    async stop() {
      for (const socket of service.open) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
    async start() {
      server = createTcpServer({ noDelay: true, allowHalfOpen: true }, accept)
      server.listen(service.port, '127.0.0.1')
      await once(server, 'listening')
      service.port = (server.address() as AddressInfo).port
    },
  }
  const accept = (socket: Socket): void => {
    service.accepted.push(socket)
    service.open.add(socket)
    socket.on('close', () => service.open.delete(socket))
    socket.on('error', () => {})
    if (service.secure !== null) {
      const tls = new TLSSocket(socket, {
        ...service.secure,
        isServer: true,
        secureContext: createSecureContext(service.secure),
      })
      tls.on('error', () => {})
      if (!http2) http.emit('connection', tls)
      else {
        // HTTP/2 takes over the handle of a socket, and with it what TLS has yet to decrypt.
        const [near, far] = duplexPair()
        tls.pipe(near).pipe(tls)
        http.emit('connection', far)
      }
    } else if (service.serve === null) http.emit('connection', socket)
    else service.serve(socket)
  }
  const sessions: unknown[] = []
  http.on('session', (session) => sessions.push(session))
  const connectionOf = (request: IncomingMessage | Http2ServerRequest): number =>
    'stream' in request
      ? sessions.indexOf(request.stream.session)
      : service.accepted.indexOf(request.socket)
  http.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const arrival: Arrival = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      connection: connectionOf(request),
      at: now(),
      request,
    }
    service.answer(arrival, response, service.arrivals.push(arrival))
  })
  await service.start()
  t.teardown(() => service.stop())
  return service
}

/** Answers the n-th request with the n-th of these statuses, and the last one for ever. */
export const answering =
  (...statuses: readonly number[]): ScriptedService['answer'] =>
  (_arrival, response, n) => {
    response.statusCode = statuses[Math.min(n, statuses.length) - 1] ?? 200
    response.end(String(response.statusCode))
  }

/** Answers the n-th call with the n-th of these gRPC statuses, without a message, and the last one for ever. */
export const answeringGrpc =
  (...statuses: readonly number[]): ScriptedService['answer'] =>
  (_arrival, response, n) => {
    const status = statuses[Math.min(n, statuses.length) - 1] ?? 0
    response.writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': String(status) })
    response.end()
  }
