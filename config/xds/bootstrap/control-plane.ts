import { type ApiServer, apiServer } from '../reading/api-config-source.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place, warn } from '../reading/report.ts'

export const dynamicFields: Coverage = {
  message: 'envoy.config.bootstrap.v3.Bootstrap.DynamicResources',
  read: ['lds_config', 'cds_config', 'ads_config'],
  harmless: {},
}

export const configSourceFields: Coverage = {
  message: 'envoy.config.core.v3.ConfigSource',
  read: ['ads'],
  harmless: {
    initial_fetch_timeout: 'what is missing is waited for for 15 s',
    resource_api_version: 'V3 is the one there is',
  },
}

/** `dynamic_resources`; null when there are none, or they are refused. */
export function controlPlaneSettings(bootstrap: Place): ApiServer | null {
  const dynamic = inside(bootstrap, 'dynamic_resources')
  if (dynamic === null) return null
  checkFields(dynamic, dynamicFields)
  for (const key of ['lds_config', 'cds_config']) checkSource(dynamic, key)
  const ads = inside(dynamic, 'ads_config')
  if (ads === null) {
    fail(dynamic, '', 'must have ads_config', 'resources come over one stream of all kinds')
    return null
  }
  return apiServer(ads)
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
