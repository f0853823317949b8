import { type Coverage, checkFields } from './coverage.ts'
import { each, fail, inside, type Place, warn } from './report.ts'
import { text, word } from './values.ts'

/** A server of resources, as `envoy.config.core.v3.ApiConfigSource` names it. */
export interface ApiServer {
  /** Name of the cluster it is. */
  readonly cluster: string
  /** The incremental protocol, else the state of the world. */
  readonly delta: boolean
  /** Sent with each stream. */
  readonly metadata: readonly { readonly key: string; readonly value: string }[]
}

const apiFields: Coverage = {
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

const grpcServiceFields: Coverage = {
  message: 'envoy.config.core.v3.GrpcService',
  read: ['envoy_grpc', 'initial_metadata'],
  harmless: {
    timeout: 'a stream is open for as long as it works',
    retry_policy: 'a stream is opened again with growing pauses',
  },
}

const envoyGrpcFields: Coverage = {
  message: 'envoy.config.core.v3.GrpcService.EnvoyGrpc',
  read: ['cluster_name'],
  harmless: {
    authority: 'that of the target is sent',
    max_receive_message_length: 'messages may have 256 MiB',
    retry_policy: 'a stream is opened again with growing pauses',
    skip_envoy_headers: 'none are sent',
  },
}

const types = ['GRPC', 'DELTA_GRPC'] as const

/** `ApiConfigSource` with a cluster to reach the server by; null when it is refused. */
export function apiServer(api: Place): ApiServer | null {
  checkFields(api, apiFields)
  const type = word(api, 'api_type', types, 'GRPC')
  word(api, 'transport_api_version', ['V3'], 'V3')
  const [service, ...others] = each(api, 'grpc_services')
  if (service === undefined) {
    fail(api, '', 'must have a service in grpc_services')
    return null
  }
  if (others.length > 0) warn(api, 'grpc_services', 'only the first is used')
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
  return { cluster: text(envoyGrpc, 'cluster_name'), delta: type === 'DELTA_GRPC', metadata }
}

export const apiCoverages: readonly Coverage[] = [apiFields, grpcServiceFields, envoyGrpcFields]
