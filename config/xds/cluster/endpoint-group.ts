import type { EndpointAddress, EndpointGroup, Locality } from '../../../proxy/model/endpoint.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { address, isLiteral, labels, number, text, word } from '../reading/values.ts'

const assignmentFields: Coverage = {
  message: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  read: ['cluster_name', 'endpoints', 'policy'],
  harmless: { named_endpoints: 'nothing refers to them' },
}

const policyFields: Coverage = {
  message: `${assignmentFields.message}.Policy`,
  read: ['overprovisioning_factor'],
  harmless: { endpoint_stale_after: 'endpoints are kept until others come' },
}

/** `envoy.config.endpoint.v3.ClusterLoadAssignment` as a resource, named as itself. Its endpoints are addresses, never host names. */
export function translateEndpoints(place: Place, context: Context): EndpointGroup {
  return endpointGroup(place, text(place, 'cluster_name'), 'addresses', context)
}

/** A `ClusterLoadAssignment` under the name of a cluster, with host names where these may be looked up. */
export function endpointGroup(
  place: Place,
  name: string,
  hosts: 'addresses' | 'names',
  { origin }: Context,
): EndpointGroup {
  checkFields(place, assignmentFields)
  return {
    name,
    origin,
    localities: each(place, 'endpoints').map((one) => locality(one, hosts)),
    overprovisioningPercent: overprovisioning(place),
  }
}

/** Like the group, with no weights of localities, which count in a cluster that has asked for them. Envoy: `locality_weighted_lb_config`. */
export const withoutLocalityWeights = (group: EndpointGroup): EndpointGroup =>
  group.localities.every(({ weight }) => weight === 0)
    ? group
    : { ...group, localities: group.localities.map((one) => ({ ...one, weight: 0 })) }

function overprovisioning(place: Place): number {
  const policy = inside(place, 'policy')
  if (policy === null) return 140
  checkFields(policy, policyFields)
  const found = number(policy, 'overprovisioning_factor', 140)
  if (found >= 100) return found
  fail(policy, 'overprovisioning_factor', `must be at least 100 here, got ${found}`)
  return 140
}

const localityFields: Coverage = {
  message: 'envoy.config.endpoint.v3.LocalityLbEndpoints',
  read: ['locality', 'lb_endpoints', 'load_balancing_weight', 'priority'],
  harmless: {
    metadata: 'nothing looks for the tags of a locality',
    proximity: 'not used by Envoy either',
  },
}

function locality(place: Place, hosts: 'addresses' | 'names'): Locality {
  checkFields(place, localityFields)
  const where = inside(place, 'locality')
  return {
    zone: where === null ? '' : text(where, 'zone'),
    subZone: where === null ? '' : text(where, 'sub_zone'),
    priority: number(place, 'priority'),
    weight: number(place, 'load_balancing_weight'),
    endpoints: each(place, 'lb_endpoints').flatMap((one) => endpoint(one, hosts)),
  }
}

const lbEndpointFields: Coverage = {
  message: 'envoy.config.endpoint.v3.LbEndpoint',
  read: ['endpoint', 'health_status', 'metadata', 'load_balancing_weight'],
  harmless: {},
}

const endpointFields: Coverage = {
  message: 'envoy.config.endpoint.v3.Endpoint',
  read: ['address', 'hostname', 'additional_addresses', 'health_check_config'],
  harmless: { observability_name: 'endpoints are shown by their addresses' },
}

/** One endpoint; none when its address is refused. */
function endpoint(place: Place, hosts: 'addresses' | 'names'): readonly EndpointAddress[] {
  checkFields(place, lbEndpointFields)
  const found = inside(place, 'endpoint')
  if (found === null) {
    fail(place, 'endpoint', 'must be there')
    return []
  }
  checkFields(found, endpointFields)
  const at = address(found, 'address')
  if (at === null) return []
  checkRest(found)
  if (hosts === 'addresses' && !isLiteral(at)) {
    fail(found, 'address', `must be an IP address or a pipe, got ${JSON.stringify(at.host)}`)
  }
  return [
    {
      ...at,
      hostname: text(found, 'hostname'),
      weight: number(place, 'load_balancing_weight', 1),
      health: health(place),
      tags: labels(metadataOf(place, 'envoy.lb')),
    },
  ]
}

const probeFields: Coverage = {
  message: 'envoy.config.endpoint.v3.Endpoint.HealthCheckConfig',
  read: [],
  harmless: {},
}

function checkRest(place: Place): void {
  const probe = inside(place, 'health_check_config')
  if (probe !== null) checkFields(probe, probeFields)
  if (each(place, 'additional_addresses').length > 0) {
    warn(place, 'additional_addresses', 'are not used: an endpoint has one address')
  }
}

const statuses = ['UNKNOWN', 'HEALTHY', 'UNHEALTHY', 'DRAINING', 'TIMEOUT', 'DEGRADED'] as const

function health(place: Place): EndpointAddress['health'] {
  const status = word(place, 'health_status', statuses, 'UNKNOWN')
  switch (status) {
    case 'UNKNOWN':
      return 'unknown'
    case 'HEALTHY':
      return 'healthy'
    case 'UNHEALTHY':
    case 'TIMEOUT':
      return 'unhealthy'
    case 'DRAINING':
      return 'draining'
    case 'DEGRADED':
      warn(place, 'health_status', 'DEGRADED is taken for healthy')
      return 'healthy'
    default:
      return status satisfies never
  }
}

/** One namespace of an endpoint's metadata. */
export function metadataOf(place: Place, namespace: string): unknown {
  const metadata = inside(place, 'metadata')
  return metadata === null ? undefined : inside(metadata, 'filter_metadata')?.fields[namespace]
}

export const endpointCoverages: readonly Coverage[] = [
  assignmentFields,
  policyFields,
  localityFields,
  lbEndpointFields,
  endpointFields,
  probeFields,
]
