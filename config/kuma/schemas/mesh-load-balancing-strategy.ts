import type * as v from 'valibot'
import { list, map, maybe, must, someOf, tagged, typed, unsupported, word } from './shapes.ts'
import { toList, trafficPolicy } from './target-ref.ts'
import {
  cookieName,
  count,
  decimal,
  duration,
  filled,
  flag,
  headerName,
  percent,
  urlPath,
  whole,
} from './values.ts'

const hashPolicy = tagged(
  map({
    type: must(
      word(['Header', 'Cookie', 'Connection', 'SourceIP', 'QueryParameter', 'FilterState']),
      'Which of the other fields is given.',
    ),
    terminal: maybe(flag, 'If it gives a value, those after it are not looked at.', false),
    header: maybe(map({ name: must(headerName, 'Name of the header.') }), 'Value of a header.'),
    cookie: maybe(
      map({
        name: must(cookieName, 'Name of the cookie.'),
        ttl: maybe(duration, 'Life of the cookie we make where it is missing; none: we make none.'),
        path: maybe(urlPath, 'Path of the cookie we make.'),
      }),
      'Value of a cookie.',
    ),
    connection: maybe(
      map({ sourceIP: maybe(flag, 'Take the address of the caller.', false) }),
      'What the connection says.',
    ),
    queryParameter: maybe(
      map({ name: must(filled, 'Name of the parameter.') }),
      'Value of a parameter of the query.',
    ),
    filterState: unsupported(
      map({ key: must(filled, 'Key.') }),
      'it is state of filters of Envoy, and the data path is not Envoy',
    ),
  }),
)
const hashPolicies = maybe(
  list(hashPolicy),
  'What RingHash and Maglev make their hash of; at random where nothing gives a value.',
)

const ringSize = whole(1, 8_388_608)

const loadBalancer = typed(
  map({
    type: must(word(['RoundRobin', 'LeastRequest', 'RingHash', 'Random', 'Maglev']), 'Which one.'),
    roundRobin: maybe(map({}), 'One after the other; has no settings.'),
    random: maybe(map({}), 'Any; has no settings.'),
    leastRequest: maybe(
      map({
        choiceCount: maybe(whole(2, 1_000), 'The least busy of so many, taken at random.', 2),
        activeRequestBias: unsupported(
          decimal,
          'it counts where endpoints differ in weight, and those of Dataplanes weigh the same',
        ),
      }),
      'The least busy of some.',
    ),
    ringHash: maybe(
      map({
        hashFunction: maybe(word(['XXHash', 'MurmurHash2']), 'Which hash.', 'XXHash'),
        minRingSize: maybe(ringSize, 'Fewest points on the ring.', 1_024),
        maxRingSize: maybe(ringSize, 'Most points on the ring.', 8_388_608),
        hashPolicies,
      }),
      'By hash, on a ring.',
    ),
    maglev: maybe(
      map({
        tableSize: maybe(whole(2, 5_000_011), 'Places in the table, a prime.', 65_537),
        hashPolicies,
      }),
      'By hash, from a table.',
    ),
  }),
)

const zones = list(filled)

const crossZone = map({
  failover: maybe(
    list(
      map({
        from: maybe(
          map({ zones: must(zones, 'Names of zones.') }),
          'Zones of callers that the rule is for; all by default.',
        ),
        to: must(
          map({
            type: must(
              word(['None', 'Only', 'Any', 'AnyExcept']),
              'Which zones; Only and AnyExcept need `zones`.',
            ),
            zones: maybe(zones, 'Names of zones.'),
          }),
          'Zones that may take over.',
        ),
      }),
    ),
    'Who takes over, the first rule first; without any no other zone does.',
  ),
  failoverThreshold: maybe(
    map({
      percentage: must(
        percent,
        'With fewer healthy endpoints than this percentage the next zones take load.',
      ),
    }),
    'When others take over; 50 percent by default.',
  ),
})

const conf = map({
  loadBalancer: maybe(loadBalancer, 'How an endpoint is picked; RoundRobin by default.'),
  hashPolicies,
  localityAwareness: maybe(
    map({
      disabled: maybe(flag, 'Treat all endpoints alike.', false),
      localZone: maybe(
        map({
          affinityTags: maybe(
            list(
              map({
                key: must(filled, 'Tag or label that caller and endpoint share.'),
                weight: maybe(
                  count,
                  'How much such endpoints weigh; 9, 90, 900 … from the last up by default.',
                ),
              }),
            ),
            'What brings endpoints of the zone nearer, the most important first.',
          ),
        }),
        'Within our zone.',
      ),
      crossZone: maybe(crossZone, 'Between zones.'),
    }),
    'Which endpoints come first.',
  ),
})
export const meshLoadBalancingStrategyConf = someOf(
  ['loadBalancer', 'hashPolicies', 'localityAwareness'],
  conf,
)
export type MeshLoadBalancingStrategyConf = v.InferOutput<typeof meshLoadBalancingStrategyConf>
/** Kuma `MeshLoadBalancingStrategy`. */
export const meshLoadBalancingStrategy = trafficPolicy('How an endpoint is picked.', {
  to: toList(meshLoadBalancingStrategyConf),
})
