import type * as v from 'valibot'
import { collectorFields } from './parts.ts'
import { list, map, maybe, must, someOf, tagged, word } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'
import { filled, flag, headerName, httpUrl, percent, text } from './values.ts'

const zipkin = map({
  url: must(httpUrl, 'Where spans go, as in http://zipkin:9411/api/v2/spans.'),
  traceId128bit: maybe(flag, 'Traces that begin here have identifiers of 128 bits, not 64.', false),
  apiVersion: maybe(
    word(['httpJson', 'httpProto']),
    'How spans are written, both in version 2 of the API.',
    'httpJson',
  ),
  sharedSpanContext: maybe(
    flag,
    'The span of a request has the identifier of the span of its caller.',
    true,
  ),
})

export const meshTraceConf = map({
  backends: maybe(
    list(
      tagged(
        map({
          type: must(
            word(['Zipkin', 'Datadog', 'OpenTelemetry']),
            'Which of the other fields is given.',
          ),
          zipkin: maybe(zipkin, 'Zipkin and what understands it.'),
          datadog: maybe(
            map({
              url: must(httpUrl, 'Address of the agent, as in http://127.0.0.1:8126.'),
              splitService: maybe(
                flag,
                'Have a service for what arrives, and for each destination: web_INBOUND, web_OUTBOUND_backend.',
                false,
              ),
            }),
            'An agent of Datadog.',
          ),
          openTelemetry: maybe(
            someOf(['endpoint', 'backendRef'], map(collectorFields)),
            'A collector of OpenTelemetry.',
          ),
        }),
      ),
    ),
    'Where spans go, one place at most; an empty list makes none.',
  ),
  sampling: maybe(
    map({
      overall: maybe(percent, 'Most requests that are traced.', 100),
      client: maybe(percent, 'Of requests whose caller asks for it.', 100),
      random: maybe(percent, 'Of all others.', 100),
    }),
    'Which requests are traced, in percent.',
  ),
  tags: maybe(
    list(
      someOf(
        ['literal', 'header'],
        map({
          name: must(filled, 'Name of the tag.'),
          literal: maybe(text, 'Its value.'),
          header: maybe(
            map({
              name: must(headerName, 'Name of the header.'),
              default: maybe(text, 'Value where the header is missing; else there is no tag.'),
            }),
            'Header of the request that has its value.',
          ),
        }),
      ),
    ),
    'What every span says besides.',
  ),
})
export type MeshTraceConf = v.InferOutput<typeof meshTraceConf>
/** Kuma `MeshTrace`. */
export const meshTrace = proxyPolicy('Spans of HTTP requests.', meshTraceConf)
