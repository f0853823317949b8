import type { ControlPlaneAddress } from '../client/stream.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import { text, word } from '../reading/values.ts'

/** How a bootstrap says that resources are to be had. */
export interface ControlPlaneSettings {
  /** Name of a cluster of the bootstrap. */
  readonly cluster: string
  readonly delta: boolean
  readonly metadata: ControlPlaneAddress['metadata']
}

export const dynamicFields: Coverage = {
  message: 'envoy.config.bootstrap.v3.Bootstrap.DynamicResources',
  read: ['lds_config', 'cds_config', 'ads_config'],
  harmless: {},
}

export const apiFields: Coverage = {
  message: 'envoy.config.core.v3.ApiConfigSource',
  read: ['api_type', 'grpc_services', 'transport_api_version'],
  harmless: {
    config_validators: 'every resource is checked',
    rate_limit_settings: 'a stream asks as often as something changes',
    request_timeout: 'for polling, which is not done',
    refresh_delay: 'for polling, which is not done',
    set_node_on_first_message_only: 'always so',
  },
}

export const configSourceFields: Coverage = {
  message: 'envoy.config.core.v3.ConfigSource',
  read: ['ads'],
  harmless: {
    initial_fetch_timeout: 'what is missing is waited for for 15 s',
    resource_api_version: 'V3 is the one there is',
  },
}

export const grpcServiceFields: Coverage = {
  message: 'envoy.config.core.v3.GrpcService',
  read: ['envoy_grpc', 'initial_metadata'],
  harmless: {
    timeout: 'a stream is open for as long as it works',
    retry_policy: 'a stream is opened again with growing pauses',
  },
}

export const envoyGrpcFields: Coverage = {
  message: 'envoy.config.core.v3.GrpcService.EnvoyGrpc',
  read: ['cluster_name'],
  harmless: {
    authority: 'that of the target is sent',
    max_receive_message_length: 'messages may have 256 MiB',
    retry_policy: 'a stream is opened again with growing pauses',
    skip_envoy_headers: 'none are sent',
  },
}

/** `dynamic_resources`; null when there are none, or they are refused. */
export function controlPlaneSettings(bootstrap: Place): ControlPlaneSettings | null {
  const dynamic = inside(bootstrap, 'dynamic_resources')
  if (dynamic === null) return null
  checkFields(dynamic, dynamicFields)
  for (const key of ['lds_config', 'cds_config']) checkSource(dynamic, key)
  const ads = inside(dynamic, 'ads_config')
  if (ads === null) {
    fail(dynamic, '', 'must have ads_config', 'resources come over one stream of all kinds')
    return null
  }
  return adsSettings(ads)
}

function checkSource(dynamic: Place, key: string): void {
  const source = inside(dynamic, key)
  if (source === null) {
    warn(dynamic, key, 'is not there, and is asked for all the same')
    return
  }
  checkFields(source, configSourceFields)
  if (inside(source, 'ads') === null) fail(source, '', 'must be ads', 'write `ads: {}`')
}

function adsSettings(ads: Place): ControlPlaneSettings | null {
  checkFields(ads, apiFields)
  const types = ['GRPC', 'DELTA_GRPC'] as const
  const api = word(ads, 'api_type', types, 'GRPC')
  word(ads, 'transport_api_version', ['V3'], 'V3')
  const [service, ...others] = each(ads, 'grpc_services')
  if (service === undefined) {
    fail(ads, '', 'must have a service in grpc_services')
    return null
  }
  if (others.length > 0) warn(ads, 'grpc_services', 'only the first is used')
  checkFields(service, grpcServiceFields)
  const envoyGrpc = inside(service, 'envoy_grpc')
  if (envoyGrpc === null) {
    fail(service, '', 'must have envoy_grpc', 'google_grpc is not supported')
    return null
  }
  checkFields(envoyGrpc, envoyGrpcFields)
  const metadata = each(service, 'initial_metadata').map((one) => ({
    key: text(one, 'key').toLowerCase(),
    value: text(one, 'value'),
  }))
  return { cluster: text(envoyGrpc, 'cluster_name'), delta: api === 'DELTA_GRPC', metadata }
}
