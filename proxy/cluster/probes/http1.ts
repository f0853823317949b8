import type { Agent, ClientRequest } from 'node:http'
import { Socket } from 'node:net'
import type { Connecting } from '../../upstream/connect.ts'
import {
  type Connect,
  type HttpSpec,
  isExpected,
  maxAnswerBytes,
  type Probe,
  type ProbeResult,
  probeUserAgent,
} from '../probe.ts'

/** Loaded with the first probe: 4 MB for each worker that has none to save. */
const nodeHttp = () => process.getBuiltinModule('node:http')

/** Sends `GET path` over HTTP/1.1 and judges the status. Source: Envoy `HealthCheck.HttpHealthCheck`. */
export function http1Probe(
  spec: HttpSpec,
  authority: string,
  connect: Connect,
  reuse: boolean,
): Probe {
  let connecting: Connecting | null = null
  let running: ClientRequest | null = null
  const agent = new (nodeHttp().Agent)({ keepAlive: reuse, maxSockets: 1 })
  agent.createConnection = (_options, callback) => {
    connecting = connect((result) => {
      connecting = null
      // The type wants a stream even beside an error.
      if (!result.ok) return callback?.(new Error(result.detail), new Socket())
      // Made half-open for the data path; here the other side's end is the end.
      result.socket.allowHalfOpen = false
      callback?.(null, result.socket)
    })
    return null
  }
  const headers = ['host', authority, 'user-agent', probeUserAgent]
  for (const { name, value } of spec.headers) headers.push(name, value)
  return {
    start(done) {
      // Its answer was taken long ago; only the body did not end.
      running?.destroy()
      running = ask(agent, spec, headers, done)
    },
    close() {
      running?.destroy()
      running = null
      connecting?.destroy()
      agent.destroy()
    },
  }
}

function ask(
  agent: Agent,
  spec: HttpSpec,
  headers: readonly string[],
  done: (result: ProbeResult) => void,
): ClientRequest {
  let settled = false
  const settle = (result: ProbeResult): void => {
    if (settled) return
    settled = true
    done(result)
  }
  const sent = nodeHttp().request({
    agent,
    method: 'GET',
    path: spec.path,
    headers,
    maxHeaderSize: 16_384,
  })
  sent.on('response', (response) => {
    settle(isExpected(spec, response.statusCode ?? 0) ? 'success' : 'refused')
    let bytes = 0
    response.on('error', () => {})
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxAnswerBytes) sent.destroy()
    })
  })
  sent.on('error', () => settle('network'))
  sent.on('close', () => settle('network'))
  sent.end()
  return sent
}
