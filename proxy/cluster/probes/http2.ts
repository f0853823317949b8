import type { OutgoingHttpHeaders } from 'node:http2'
import { type Connect, type HttpSpec, isExpected, type Probe, probeUserAgent } from '../probe.ts'
import { newHttp2Questions } from './http2-question.ts'

const empty = Buffer.alloc(0)

/** Sends `GET path` over HTTP/2 and judges the status. Source: Envoy `HealthCheck.HttpHealthCheck`. */
export function http2Probe(
  spec: HttpSpec,
  authority: string,
  connect: Connect,
  reuse: boolean,
): Probe {
  const questions = newHttp2Questions(connect, reuse)
  const headers: OutgoingHttpHeaders = {
    ':method': 'GET',
    ':scheme': 'http',
    ':authority': authority,
    ':path': spec.path,
    'user-agent': probeUserAgent,
  }
  for (const { name, value } of spec.headers) headers[name.toLowerCase()] = value
  return {
    start: (done) =>
      questions.ask(headers, empty, (answer) => {
        if (answer === null) done('network')
        else done(isExpected(spec, answer.status) ? 'success' : 'refused')
      }),
    close: questions.close,
  }
}
