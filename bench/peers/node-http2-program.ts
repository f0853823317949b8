import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { hopFromArgv } from './node-hop.ts'

const hop = hopFromArgv()
// As many connections as the load generator opens, so that the upstream sees what it would without a relay.
const sessions: readonly ClientHttp2Session[] = Array.from({ length: 8 }, () =>
  connect(`http://127.0.0.1:${hop.upstreamPort}`),
)
let turn = 0
const nextSession = (): ClientHttp2Session => sessions[turn++ % sessions.length]!

function relayRequest(req: Http2ServerRequest, res: Http2ServerResponse): void {
  const upstream = nextSession().request(req.headers)
  upstream.on('response', ({ ':status': status = 502, ...fields }) => {
    res.writeHead(status, fields)
    upstream.pipe(res)
  })
  upstream.on('error', () => res.stream?.close())
  res.on('close', () => upstream.close())
  req.pipe(upstream)
}

function relayStream(stream: ServerHttp2Stream, fields: IncomingHttpHeaders): void {
  const upstream = nextSession().request(fields, { endStream: stream.endAfterHeaders })
  upstream.on('response', (answer) => {
    if (stream.destroyed) return
    stream.respond(answer)
    upstream.pipe(stream)
  })
  upstream.on('error', () => stream.close())
  stream.on('error', () => upstream.close())
  stream.pipe(upstream)
}

const server = createServer()
if (process.argv[3] === 'streams') server.on('stream', relayStream)
else server.on('request', relayRequest)
server.listen(hop.port, '127.0.0.1')
