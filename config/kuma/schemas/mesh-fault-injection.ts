import * as v from 'valibot'
import { duration, list, map, maybe, percent, status } from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

const bandwidth = 'must be a rate such as 512 kbps, 1.5 Mbps or 1 Gbps'

export const meshFaultInjectionConf = map({
  http: maybe(
    list(
      map({
        abort: maybe(map({ httpStatus: status, percentage: percent })),
        delay: maybe(map({ value: duration, percentage: percent })),
        responseBandwidth: maybe(
          map({
            limit: v.pipe(
              v.string(bandwidth),
              v.regex(/^\d+(?:\.\d+)?\s?(?:[kK]|M|G)bps$/, bandwidth),
            ),
            percentage: percent,
          }),
        ),
      }),
    ),
  ),
})
export type MeshFaultInjectionConf = v.InferOutput<typeof meshFaultInjectionConf>
/** Kuma `MeshFaultInjection`. */
export const meshFaultInjection = trafficPolicy(meshFaultInjectionConf)
