import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { ZipkinExporter } from '../../proxy/model/listener.ts'
import { newPostingExporter } from './posting-exporter.ts'
import { zipkinProto } from './zipkin-proto.ts'
import { zipkinSpan } from './zipkin-span.ts'

/** Sends spans to the API at `url` (`http://127.0.0.1:9411/api/v2/spans`). Kuma: MeshTrace `zipkin`. */
export function newZipkinExporter(
  { url, encoding }: ZipkinExporter,
  serviceName: string,
  timeoutMs: number,
): SpanExporter {
  const proto = encoding === 'proto'
  return newPostingExporter(url, timeoutMs, (spans) => {
    const list = spans.map((span) => zipkinSpan(span, serviceName))
    return {
      method: 'POST',
      headers: { 'content-type': proto ? 'application/x-protobuf' : 'application/json' },
      body: proto ? zipkinProto(list) : JSON.stringify(list),
    }
  })
}
