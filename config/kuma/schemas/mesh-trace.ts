import type * as v from 'valibot'
import {
  filled,
  flag,
  list,
  map,
  maybe,
  percent,
  tagged,
  text,
  unsupported,
  word,
} from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'

export const meshTraceConf = map({
  backends: maybe(
    list(
      tagged(
        map({
          type: word(['Zipkin', 'Datadog', 'OpenTelemetry']),
          zipkin: maybe(
            map({
              url: filled,
              traceId128bit: unsupported(flag, 'trace ids always have 128 bits'),
              apiVersion: unsupported(
                word(['httpJson', 'httpJsonV1', 'httpProto']),
                'spans are sent as JSON, version 2',
              ),
              sharedSpanContext: unsupported(flag, 'client and server spans are always separate'),
            }),
          ),
          datadog: maybe(map({ url: filled, splitService: unsupported(flag) })),
          openTelemetry: maybe(
            map({
              endpoint: maybe(filled),
              backendRef: maybe(
                map({
                  kind: word(['MeshOpenTelemetryBackend']),
                  name: filled,
                }),
              ),
            }),
          ),
        }),
      ),
    ),
  ),
  sampling: maybe(map({ overall: maybe(percent), client: maybe(percent), random: maybe(percent) })),
  tags: maybe(
    list(
      map({
        name: filled,
        literal: maybe(text),
        header: maybe(map({ name: filled, default: maybe(text) })),
      }),
    ),
  ),
})
export type MeshTraceConf = v.InferOutput<typeof meshTraceConf>
/** Kuma `MeshTrace`. */
export const meshTrace = proxyPolicy(meshTraceConf)
