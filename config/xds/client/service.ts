import { type ResourceKind, resourceKinds } from './resource-type.ts'

/** What may be asked for by a stream, and the methods for it. */
export interface DiscoveryService {
  readonly kinds: readonly ResourceKind[]
  readonly delta: string
  readonly stateOfTheWorld: string
}

/** ADS: one stream for all kinds. */
export const aggregatedService: DiscoveryService = {
  kinds: resourceKinds,
  delta: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  stateOfTheWorld:
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
}

/** SDS. */
export const secretService: DiscoveryService = {
  kinds: ['secrets'],
  delta: '/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets',
  stateOfTheWorld: '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
}
