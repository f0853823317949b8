import type * as v from 'valibot'
import {
  decimal,
  duration,
  filled,
  flag,
  list,
  map,
  maybe,
  percent,
  tagged,
  text,
  uint32,
  word,
} from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

const hashPolicies = maybe(
  list(
    tagged(
      map({
        type: word(['Header', 'Cookie', 'Connection', 'SourceIP', 'QueryParameter', 'FilterState']),
        terminal: maybe(flag),
        header: maybe(map({ name: filled })),
        cookie: maybe(map({ name: filled, ttl: maybe(duration), path: maybe(text) })),
        connection: maybe(map({ sourceIP: maybe(flag) })),
        queryParameter: maybe(map({ name: filled })),
        filterState: maybe(map({ key: filled })),
      }),
    ),
  ),
)

const zones = list(filled)

export const meshLoadBalancingStrategyConf = map({
  loadBalancer: maybe(
    map({
      type: word(['RoundRobin', 'LeastRequest', 'RingHash', 'Random', 'Maglev']),
      roundRobin: maybe(map({})),
      random: maybe(map({})),
      leastRequest: maybe(map({ choiceCount: maybe(uint32), activeRequestBias: maybe(decimal) })),
      ringHash: maybe(
        map({
          hashFunction: maybe(word(['XXHash', 'MurmurHash2'])),
          minRingSize: maybe(uint32),
          maxRingSize: maybe(uint32),
          hashPolicies,
        }),
      ),
      maglev: maybe(map({ tableSize: maybe(uint32), hashPolicies })),
    }),
  ),
  hashPolicies,
  localityAwareness: maybe(
    map({
      disabled: maybe(flag),
      localZone: maybe(
        map({ affinityTags: maybe(list(map({ key: filled, weight: maybe(uint32) }))) }),
      ),
      crossZone: maybe(
        map({
          failover: maybe(
            list(
              map({
                from: maybe(map({ zones })),
                to: map({
                  type: word(['None', 'Only', 'Any', 'AnyExcept']),
                  zones: maybe(zones),
                }),
              }),
            ),
          ),
          failoverThreshold: maybe(map({ percentage: percent })),
        }),
      ),
    }),
  ),
})
export type MeshLoadBalancingStrategyConf = v.InferOutput<typeof meshLoadBalancingStrategyConf>
/** Kuma `MeshLoadBalancingStrategy`. */
export const meshLoadBalancingStrategy = trafficPolicy(meshLoadBalancingStrategyConf)
