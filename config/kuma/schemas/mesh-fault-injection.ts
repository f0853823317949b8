import * as v from 'valibot'
import { list, map, maybe, must, someOf } from './shapes.ts'
import { fromList, ruleList, toList, trafficPolicy } from './target-ref.ts'
import { finalStatus, percent, span } from './values.ts'

const bandwidth = 'must be a rate such as 512 kbps, 1.5 Mbps or 1 Gbps'
const share = must(percent, 'Share of the requests.')

export const meshFaultInjectionConf = map({
  http: maybe(
    list(
      someOf(
        ['abort', 'delay', 'responseBandwidth'],
        map({
          abort: maybe(
            map({ httpStatus: must(finalStatus, 'Status of the answer.'), percentage: share }),
            'Answers instead of the application.',
          ),
          delay: maybe(
            map({ value: must(span, 'How long, 1h at most.'), percentage: share }),
            'Holds requests back.',
          ),
          responseBandwidth: maybe(
            map({
              limit: must(
                v.pipe(
                  v.string(bandwidth),
                  v.regex(/^\d+(?:\.\d+)?\s?(?:[kK]|M|G)bps$/, bandwidth),
                ),
                'Bits per second.',
              ),
              percentage: share,
            }),
            'Slows answers down.',
          ),
        }),
      ),
    ),
    'Faults of HTTP requests, each on its own.',
  ),
})
export type MeshFaultInjectionConf = v.InferOutput<typeof meshFaultInjectionConf>
/** Kuma `MeshFaultInjection`. */
export const meshFaultInjection = trafficPolicy('Makes arriving requests fail, for tests.', {
  to: toList(meshFaultInjectionConf),
  from: fromList(meshFaultInjectionConf),
  rules: ruleList(meshFaultInjectionConf),
})
