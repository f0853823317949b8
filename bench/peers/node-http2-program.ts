import {
  type ClientHttp2Session,
  connect,
  createServer,
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

function relay(stream: ServerHttp2Stream, fields: IncomingHttpHeaders): void {
  const session = sessions[turn++ % sessions.length]!
  const upstream = session.request(fields, { endStream: stream.endAfterHeaders })
  upstream.on('response', (answer) => {
    if (stream.destroyed) return
    stream.respond(answer)
    upstream.pipe(stream)
  })
  upstream.on('error', () => stream.close())
  stream.on('error', () => upstream.close())
  stream.pipe(upstream)
}

createServer().on('stream', relay).listen(hop.port, '127.0.0.1')
