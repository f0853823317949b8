import type { OutgoingHttpHeaders } from 'node:http2'
import { type Connect, type GrpcSpec, type Probe, probeUserAgent } from '../probe.ts'
import { type Http2Answer, newHttp2Questions } from './http2-question.ts'

/**
 * Calls `grpc.health.v1.Health/Check` and wants `SERVING`.
 * Source: Envoy `HealthCheck.GrpcHealthCheck`; the gRPC health checking protocol.
 */
export function grpcProbe(
  spec: GrpcSpec,
  authority: string,
  connect: Connect,
  reuse: boolean,
): Probe {
  const questions = newHttp2Questions(connect, reuse)
  const headers: OutgoingHttpHeaders = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': authority,
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': probeUserAgent,
  }
  const body = frame(healthCheckRequest(spec.service))
  return {
    start: (done) =>
      questions.ask(headers, body, (answer) => {
        if (answer === null) done('network')
        else done(isServing(answer) ? 'success' : 'refused')
      }),
    close: questions.close,
  }
}

/** `Length-Prefixed-Message → Compressed-Flag Message-Length Message` (gRPC over HTTP/2). */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** `message HealthCheckRequest { string service = 1; }`; an empty service is not written. */
function healthCheckRequest(service: string): Buffer {
  const name = Buffer.from(service)
  if (name.length === 0) return name
  const length: number[] = []
  let rest = name.length
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
  return Buffer.concat([Buffer.from([0x0a, ...length, rest]), name])
}

/** `message HealthCheckResponse { ServingStatus status = 1; }` with `SERVING = 1`. */
const serving = frame(Buffer.from([0x08, 0x01]))

function isServing({ status, headers, body, trailers }: Http2Answer): boolean {
  const grpcStatus = trailers['grpc-status'] ?? headers['grpc-status']
  return status === 200 && grpcStatus === '0' && body.equals(serving)
}
