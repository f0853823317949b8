import type * as v from 'valibot'
import {
  anything,
  filled,
  flag,
  list,
  map,
  maybe,
  tagged,
  text,
  unsupported,
  word,
} from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

const format = tagged(
  map({
    type: word(['Plain', 'Json']),
    plain: maybe(text),
    json: maybe(list(map({ key: filled, value: text }))),
    omitEmptyValues: maybe(flag),
  }),
)

export const meshAccessLogConf = map({
  backends: maybe(
    list(
      tagged(
        map({
          type: word(['Tcp', 'File', 'OpenTelemetry']),
          tcp: maybe(map({ address: filled, format: maybe(format) })),
          file: maybe(map({ path: filled, format: maybe(format) })),
          openTelemetry: unsupported(anything, 'use a File or Tcp backend'),
        }),
      ),
    ),
  ),
})
export type MeshAccessLogConf = v.InferOutput<typeof meshAccessLogConf>
export type AccessLogFormat = v.InferOutput<typeof format>
/** Kuma `MeshAccessLog`. */
export const meshAccessLog = trafficPolicy(meshAccessLogConf)
