import { type Coverage, checkFields } from './coverage.ts'
import { inside, type Place } from './report.ts'

const sourceFields: Coverage = {
  message: 'envoy.config.core.v3.ConfigSource',
  read: ['ads', 'self'],
  harmless: {
    initial_fetch_timeout:
      'what is missing is waited for; what refers to it is not served until then',
    resource_api_version: 'there is only V3',
  },
}

/** Refuses a `ConfigSource` that is not the control plane we speak to. Absent: a resource of the bootstrap file. */
export function checkSource(place: Place, key: string): void {
  const source = inside(place, key)
  if (source !== null) checkFields(source, sourceFields)
}

export const sourceCoverages: readonly Coverage[] = [sourceFields]
