import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { request } from 'undici'

/** A request with spans in it. */
export interface Posted {
  readonly method: 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** Sends spans to `url` in a form of their own, each request within `timeoutMs`; a status of 300 or more is a failure. */
export function newPostingExporter(
  url: string | URL,
  timeoutMs: number,
  posted: (spans: readonly ReadableSpan[]) => Posted,
): SpanExporter {
  const send = async (spans: readonly ReadableSpan[]): Promise<void> => {
    const { statusCode, body } = await request(url, {
      ...posted(spans),
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
