import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place } from '../reading/report.ts'
import { text } from '../reading/values.ts'

export const luaFields: Coverage = {
  message: 'envoy.extensions.filters.http.lua.v3.Lua',
  read: ['default_source_code'],
  harmless: { stat_prefix: 'name of statistics' },
}

/** What Kuma's control plane has Envoy run, so that access logs can tell the routes of a MeshHTTPRoute. */
const kumaScript = `function envoy_on_request(handle)
local meta = handle:metadata():get("route_kri")
if meta ~= nil then
handle:streamInfo():dynamicMetadata():set("kuma.routes", "route_kri", meta)
end
end`

/** The one script that is known; what it is for is done by the filters of access logs. */
export function checkKumaScript(place: Place): void {
  checkFields(place, luaFields)
  const source = inside(place, 'default_source_code')
  const script = source === null ? '' : text(source, 'inline_string')
  const lines = script.split('\n').map((line) => line.trim())
  if (lines.filter((line) => line !== '').join('\n') === kumaScript) return
  fail(
    place,
    'default_source_code',
    'scripts are not run here, but for the one of Kuma’s access logs',
  )
}
