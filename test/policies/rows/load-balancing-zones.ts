import type { Lab } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import { pool, spread } from './load-balancing-drives.ts'

/** Endpoints that get requests when these have failed their probe. */
async function without(lab: Lab, ...bad: readonly (typeof pool)[number][]): Promise<unknown> {
  for (const place of bad) {
    lab.services[place].answer = ({ path }, response) => {
      response.statusCode = path === '/' ? 500 : 200
      response.end()
    }
  }
  const { counters } = lab.sidecar.cluster('pool')
  const probed = (): number => counters.health_check_success + counters.health_check_failure
  const reachable = lab.sidecar.proxy.inspect().clusters.find(({ name }) => name === 'pool')
    ?.endpoints.length
  lab.clock.tick(50)
  await lab.until(() => probed() === reachable)
  lab.clock.tick(50)
  const counts = await spread(lab, 90, () => ['/call'])
  return pool.filter((_place, index) => (counts[index] ?? 0) > 0)
}

const probes = `type: MeshHealthCheck
name: probes
spec: {to: [{targetRef: {kind: Mesh}, default: {http: {}}}]}`

/** A row about zones: `pool` has two endpoints in ours and one in another. */
const zones = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  bad: readonly (typeof pool)[number][],
  expect: readonly string[],
  otherwise: readonly string[],
  also: readonly string[] = [],
): PolicyRow => ({
  field: `localityAwareness.${field}`,
  also: also.map((name) => `localityAwareness.${name}`),
  shows,
  listener: 'pool',
  beside: probes,
  set: `{localityAwareness: {${set}}}`,
  unset: `{localityAwareness: {${unset}}}`,
  drive: (lab) => without(lab, ...bad),
  expect,
  otherwise,
})

const local = ['pool1', 'pool2'] as const
const failover = (rule: string): string => `crossZone: {failover: [${rule}]}`

/** MeshLoadBalancingStrategy `localityAwareness`. */
export const zoneRows: readonly PolicyRow[] = [
  zones(
    'disabled',
    'endpoints of other zones are like ours',
    'disabled: true',
    '',
    [],
    ['pool1', 'pool2', 'pool3'],
    local,
  ),
  zones(
    'crossZone.failover[].to.type',
    'Any: when ours have failed, those of all other zones; without a rule none',
    failover('{to: {type: Any}}'),
    '',
    local,
    ['pool3'],
    local,
  ),
  zones(
    'crossZone.failover[].to.zones',
    'Only: those of these zones',
    failover('{to: {type: Only, zones: [west]}}'),
    failover('{to: {type: Only, zones: [north]}}'),
    local,
    ['pool3'],
    local,
    ['crossZone.failover[].to.type'],
  ),
  zones(
    'crossZone.failover[].to.zones',
    'AnyExcept: those of all zones but these',
    failover('{to: {type: AnyExcept, zones: [north]}}'),
    failover('{to: {type: AnyExcept, zones: [west]}}'),
    local,
    ['pool3'],
    local,
    ['crossZone.failover[].to.type'],
  ),
  zones(
    'crossZone.failover[].to.type',
    'None: no other zone, as without a rule',
    failover('{to: {type: None}}'),
    failover('{to: {type: Any}}'),
    local,
    local,
    ['pool3'],
  ),
  zones(
    'crossZone.failover[].from.zones',
    'the rule is for callers of these zones',
    failover('{from: {zones: [east]}, to: {type: Any}}'),
    failover('{from: {zones: [north]}, to: {type: Any}}'),
    local,
    ['pool3'],
    local,
  ),
  zones(
    'crossZone.failoverThreshold.percentage',
    'with a smaller share of ours left others take their part',
    'crossZone: {failoverThreshold: {percentage: 90}, failover: [{to: {type: Any}}]}',
    failover('{to: {type: Any}}'),
    ['pool1'],
    ['pool2', 'pool3'],
    ['pool2'],
  ),
  {
    field: 'localityAwareness.localZone.affinityTags[].key',
    shows: 'endpoints with our value of the tag get nine of ten requests',
    listener: 'pool',
    set: '{localityAwareness: {localZone: {affinityTags: [{key: rack}]}}}',
    unset: '{localityAwareness: {}}',
    drive: (lab) => spread(lab, 100, () => ['/call']),
    expect: [90, 10, 0],
    otherwise: [50, 50, 0],
  },
  {
    field: 'localityAwareness.localZone.affinityTags[].weight',
    shows: 'is their share beside 1 of the others',
    listener: 'pool',
    set: '{localityAwareness: {localZone: {affinityTags: [{key: rack, weight: 3}]}}}',
    unset: '{localityAwareness: {localZone: {affinityTags: [{key: rack}]}}}',
    drive: (lab) => spread(lab, 100, () => ['/call']),
    expect: [75, 25, 0],
    otherwise: [90, 10, 0],
  },
]
