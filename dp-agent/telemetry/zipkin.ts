import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { request } from 'undici'
import type { ZipkinExporter } from '../../proxy/model/listener.ts'
import { zipkinProto } from './zipkin-proto.ts'
import { zipkinSpan } from './zipkin-span.ts'

/** Sends spans to the API at `url` (`http://127.0.0.1:9411/api/v2/spans`). Kuma: MeshTrace `zipkin`. */
export function newZipkinExporter(
  { url, encoding }: ZipkinExporter,
  serviceName: string,
  timeoutMs: number,
): SpanExporter {
  const send = async (spans: readonly ReadableSpan[]): Promise<void> => {
    const list = spans.map((span) => zipkinSpan(span, serviceName))
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: {
        'content-type': encoding === 'proto' ? 'application/x-protobuf' : 'application/json',
      },
      body: encoding === 'proto' ? zipkinProto(list) : JSON.stringify(list),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    })
    await body.dump()
    if (statusCode >= 300) throw new Error(`the collector answered ${statusCode}`)
  }
  return {
    export(spans, done) {
      send(spans).then(
        () => done({ code: 0 }),
        (error: Error) => done({ code: 1, error }),
      )
    },
    shutdown: async () => {},
  }
}
