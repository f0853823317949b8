import { type ApiServer, apiCoverages, apiServer } from './api-config-source.ts'
import { type Coverage, checkFields } from './coverage.ts'
import { each, fail, inside, type Place } from './report.ts'

const sourceFields: Coverage = {
  message: 'envoy.config.core.v3.ConfigSource',
  read: ['ads', 'self', 'api_config_source'],
  harmless: {
    initial_fetch_timeout:
      'what is missing is waited for; what refers to it is not served until then',
    resource_api_version: 'there is only V3',
  },
}

/** Refuses a `ConfigSource` that is not the control plane we speak to. Absent: a resource of the bootstrap file. */
export function checkSource(place: Place, key: string): void {
  const source = inside(place, key)
  if (source === null) return
  checkFields(source, sourceFields)
  if (inside(source, 'api_config_source') !== null) {
    fail(
      source,
      'api_config_source',
      'is not supported here',
      'only secrets have servers of their own',
    )
  }
}

/** The server that a `ConfigSource` of a secret names; null: the control plane, or it is refused. */
export function ownServer(place: Place, key: string): ApiServer | null {
  const source = inside(place, key)
  if (source === null) return null
  checkFields(source, sourceFields)
  const api = inside(source, 'api_config_source')
  const server = api === null ? null : apiServer(api)
  if (api === null || server === null) return null
  const [service] = each(api, 'grpc_services')
  if (service !== undefined && server.metadata.length > 0) {
    fail(service, 'initial_metadata', 'is not supported for secrets')
  }
  const grpc = service === undefined ? null : inside(service, 'envoy_grpc')
  if (grpc !== null && server.cluster === '') fail(grpc, 'cluster_name', 'must not be empty')
  return server
}

export const sourceCoverages: readonly Coverage[] = [sourceFields, ...apiCoverages]
