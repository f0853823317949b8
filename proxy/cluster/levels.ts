import type { Clock } from '../clock.ts'
import type { BalancerConfig, Cluster as ClusterConfig } from '../model/cluster.ts'
import { emptyPicker, type Picker } from './balancer.ts'
import { newRotation, nextInTurn, requeue } from './balancers/rotation.ts'
import { balancers, createPicker } from './balancers.ts'
import type { Endpoint } from './endpoint.ts'
import { shareLoad } from './load.ts'

/** The endpoints of one place at one failover level, at run time. */
export interface LocalityMembers {
  readonly priority: number
  /** As in the model: 0 where no locality of the priority has one; beside others that have, it gets no requests. */
  readonly weight: number
  readonly endpoints: readonly Endpoint[]
}

/** A failover level: the endpoints of one priority and the picker made from them. */
export interface PriorityLevel {
  readonly priority: number
  readonly endpoints: readonly Endpoint[]
  readonly healthy: readonly Endpoint[]
  /** Over healthy endpoints; over all of them while in panic. */
  readonly picker: Picker
  readonly panic: boolean
  /** Share of requests, percent, after health and overprovisioning are counted. */
  readonly load: number
}

const isHealthy = (endpoint: Endpoint): boolean => endpoint.unhealthy === 0

/** The levels of a cluster, the most preferred first. Cost: O(endpoints), and what the balancer needs. */
export function buildLevels(
  localities: readonly LocalityMembers[],
  overprovisioningPercent: number,
  config: ClusterConfig,
  clock: Clock,
): readonly PriorityLevel[] {
  const priorities = [...new Set(localities.map(({ priority }) => priority))].sort((a, b) => a - b)
  const parts = priorities.map((priority) => {
    const members = localities.filter((locality) => locality.priority === priority)
    const endpoints = members.flatMap((locality) => locality.endpoints)
    return { priority, members, endpoints, healthy: endpoints.filter(isHealthy) }
  })
  const counts = parts.map(({ endpoints, healthy }) => ({
    total: endpoints.length,
    healthy: healthy.length,
  }))
  const loads = shareLoad(counts, overprovisioningPercent, config.panicPercent)
  return parts.map(({ priority, members, endpoints, healthy }, level) => {
    const { load, panic } = loads[level] ?? { load: 0, panic: false }
    const picker = levelPicker(members, panic, overprovisioningPercent, config, clock)
    return { priority, endpoints, healthy, picker, panic, load }
  })
}

function levelPicker(
  localities: readonly LocalityMembers[],
  panic: boolean,
  overprovisioningPercent: number,
  { balancer }: ClusterConfig,
  clock: Clock,
): Picker {
  const open = localities.map(({ weight, endpoints }) => ({
    weight,
    total: endpoints.length,
    endpoints: panic ? endpoints : endpoints.filter(isHealthy),
  }))
  const usable = open.filter(({ weight, endpoints }) => weight > 0 && endpoints.length > 0)
  const { consistent } = balancers[balancer.kind]
  // Without locality weights endpoints count alike, wherever they are; in panic as well, as in Envoy.
  if (usable.length === 0 || (panic && !consistent)) {
    return flatPicker(
      open.flatMap(({ endpoints }) => endpoints),
      balancer,
      clock,
    )
  }
  if (consistent) {
    const endpoints = usable.flatMap((locality) => locality.endpoints)
    return createPicker(balancer, endpoints, usable.flatMap(shares), clock)
  }
  // A locality keeps its weight until it has lost more than the overprovisioning makes up for.
  const weights = usable.map(
    ({ weight, endpoints, total }) =>
      weight * Math.min(1, (overprovisioningPercent / 100) * (endpoints.length / total)),
  )
  const pickers = usable.map(({ endpoints }) => flatPicker(endpoints, balancer, clock))
  return takingTurns(pickers, weights, clock)
}

function flatPicker(
  endpoints: readonly Endpoint[],
  balancer: BalancerConfig,
  clock: Clock,
): Picker {
  const weights = endpoints.map(({ weight }) => weight)
  return createPicker(balancer, endpoints, weights, clock)
}

/** The weight of a locality divided among its endpoints. */
function shares(locality: { weight: number; endpoints: readonly Endpoint[] }): readonly number[] {
  const total = locality.endpoints.reduce((sum, { weight }) => sum + weight, 0)
  return locality.endpoints.map(({ weight }) => (locality.weight * weight) / total)
}

/** Source: Envoy "Locality weighted load balancing". */
function takingTurns(pickers: readonly Picker[], weights: readonly number[], clock: Clock): Picker {
  const [only] = pickers
  if (pickers.length === 1 && only !== undefined) return only
  const rotation = newRotation(weights, clock.random)
  return {
    pick(x, attempt) {
      const index = nextInTurn(rotation)
      requeue(rotation, weights[index] as number)
      return (pickers[index] ?? emptyPicker).pick(x, attempt)
    },
  }
}
