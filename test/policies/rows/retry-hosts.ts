import type { Lab } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'

type PoolPlace = 'pool1' | 'pool2' | 'pool3'

/**
 * Which endpoints of `pool` each of many requests is sent to, all of which fail it. The balancer goes by a key, so left
 * to itself it would stay where it is; which endpoint has which key depends on their ports.
 */
async function placesTried(lab: Lab): Promise<readonly (readonly PoolPlace[])[]> {
  let found: PoolPlace[] = []
  for (const place of ['pool1', 'pool2', 'pool3'] as const) {
    lab.services[place].answer = (_arrival, response) => {
      found.push(place)
      response.statusCode = 503
      response.end()
    }
  }
  lab.clock.setRandom([0])
  const all: PoolPlace[][] = []
  for (let key = 0; key < 60; key += 1) {
    found = []
    await lab.settled(lab.ask('/', { headers: { 'x-key': String(key) } }))
    all.push(found)
  }
  return all
}

/** The different ways requests went, by zone. */
async function zonesTried(lab: Lab): Promise<readonly string[]> {
  const ways = (await placesTried(lab)).map((places) =>
    places.map((place) => (place === 'pool3' ? 'west' : 'east')).join(' '),
  )
  return [...new Set(ways)].sort()
}

/** Sends every request with the same `x-key` to the same endpoint. */
const byKey = (more = ''): string => `type: MeshLoadBalancingStrategy
name: by-key
spec: {to: [{targetRef: {kind: Mesh}, default: {
  loadBalancer: {type: RingHash}, hashPolicies: [{type: Header, header: {name: x-key}}]${more}}}]}`

const failover = ', localityAwareness: {crossZone: {failover: [{to: {type: Any}}]}}'

/** MeshRetry `http.hostSelection`. */
export const hostRows: readonly PolicyRow[] = [
  {
    field: 'http.hostSelectionMaxAttempts',
    shows: 'so often another endpoint is looked for; zero does not avoid those already tried',
    listener: 'pool',
    beside: byKey(),
    set: '{http: {hostSelectionMaxAttempts: 0}}',
    unset: '{http: {}}',
    drive: async (lab) => (await placesTried(lab)).some(([first, second]) => first !== second),
    expect: false,
    otherwise: true,
  },
  {
    field: 'http.hostSelection[].tags',
    shows: 'OmitHostsWithTags keeps further tries away from endpoints with these tags',
    listener: 'pool',
    beside: byKey(),
    set: '{http: {hostSelectionMaxAttempts: 100, hostSelection: [{predicate: OmitHostsWithTags, tags: {version: v2}}]}}',
    unset: '{http: {hostSelectionMaxAttempts: 100}}',
    drive: async (lab) => [...new Set((await placesTried(lab)).map((places) => places[1]))].sort(),
    expect: ['pool1', 'pool3'],
    otherwise: ['pool1', 'pool2', 'pool3'],
  },
  {
    field: 'http.hostSelection[].predicate',
    shows: 'OmitPreviousPriorities leaves the zone after two further tries',
    listener: 'pool',
    beside: byKey(failover),
    set: '{http: {numRetries: 3, hostSelection: [{predicate: OmitPreviousPriorities}]}}',
    unset: '{http: {numRetries: 3}}',
    drive: zonesTried,
    expect: ['east east west west'],
    otherwise: ['east east east east'],
  },
  {
    field: 'http.hostSelection[].updateFrequency',
    shows: 'so many further tries stay in a zone',
    listener: 'pool',
    beside: byKey(failover),
    set: '{http: {hostSelection: [{predicate: OmitPreviousPriorities, updateFrequency: 1}]}}',
    unset: '{http: {hostSelection: [{predicate: OmitPreviousPriorities}]}}',
    drive: zonesTried,
    expect: ['east west'],
    otherwise: ['east east'],
  },
]
