import type { AccessLog, LogFormat } from '../../../proxy/model/listener.ts'
import { type About, translation } from '../policy.ts'
import {
  type AccessLogFormat,
  type MeshAccessLogConf,
  meshAccessLogConf,
} from '../schemas/mesh-access-log.ts'

/** Kuma MeshAccessLog: the last list of backends counts, and an empty one logs nothing. */
export const meshAccessLog = translation({
  kind: 'MeshAccessLog',
  schema: meshAccessLogConf,
  http: (conf, filter, about) => ({ ...filter, accessLogs: logs(conf, httpFormat, about) }),
  tcp: (conf, filter, about) => ({ ...filter, accessLogs: logs(conf, tcpFormat, about) }),
})

/** Kuma's format for HTTP when the policy gives none. */
const httpFormat =
  '[%START_TIME%] %KUMA_MESH% "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%KUMA_SOURCE_SERVICE%" "%KUMA_DESTINATION_SERVICE%" "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%" "%UPSTREAM_HOST%"'

/** Kuma's format for TCP when the policy gives none. */
const tcpFormat =
  '[%START_TIME%] %RESPONSE_FLAGS% %KUMA_MESH% %KUMA_SOURCE_ADDRESS_WITHOUT_PORT%(%KUMA_SOURCE_SERVICE%)->%UPSTREAM_HOST%(%KUMA_DESTINATION_SERVICE%) took %DURATION%ms, sent %BYTES_SENT% bytes, received: %BYTES_RECEIVED% bytes'

function logs(conf: MeshAccessLogConf, fallback: string, about: About): readonly AccessLog[] {
  return (conf.backends ?? []).flatMap(({ tcp, file }): readonly AccessLog[] => {
    if (file !== undefined) {
      const format = formatOf(file.format, fallback, about)
      return [{ format, sink: { kind: 'file', path: file.path }, filter: null }]
    }
    if (tcp === undefined) return []
    const { host, port } = splitAddress(tcp.address)
    const format = formatOf(tcp.format, fallback, about)
    return [{ format, sink: { kind: 'tcp', host, port }, filter: null }]
  })
}

function formatOf(format: AccessLogFormat | undefined, fallback: string, about: About): LogFormat {
  if (format?.json !== undefined) {
    const fields = format.json.map(({ key, value }) => ({ key, value: resolve(value, about) }))
    return { kind: 'json', fields, omitEmpty: format.omitEmptyValues ?? false }
  }
  return { kind: 'text', text: resolve(format?.plain ?? fallback, about) }
}

/** Placeholders that stand for something known beforehand. */
export const kumaPlaceholders = [
  'KUMA_MESH',
  'KUMA_ZONE',
  'KUMA_WORKLOAD',
  'KUMA_SOURCE_SERVICE',
  'KUMA_DESTINATION_SERVICE',
  'KUMA_SOURCE_ADDRESS',
  'KUMA_SOURCE_ADDRESS_WITHOUT_PORT',
  'KUMA_TRAFFIC_DIRECTION',
] as const

/** Puts in what is known beforehand; operators of traffic stay. */
function resolve(text: string, about: About): string {
  const { direction, view, proxy, source, destination } = about
  const inbound = direction === 'inbound'
  const values: Readonly<Record<(typeof kumaPlaceholders)[number], string>> = {
    KUMA_MESH: view.name,
    KUMA_ZONE: proxy.zone,
    KUMA_WORKLOAD: proxy.labels['kuma.io/workload'] ?? '',
    KUMA_SOURCE_SERVICE: source,
    KUMA_DESTINATION_SERVICE: destination,
    KUMA_SOURCE_ADDRESS: inbound ? '%DOWNSTREAM_REMOTE_ADDRESS%' : `${proxy.address}:0`,
    KUMA_SOURCE_ADDRESS_WITHOUT_PORT: inbound
      ? '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'
      : proxy.address,
    KUMA_TRAFFIC_DIRECTION: direction.toUpperCase(),
  }
  return kumaPlaceholders.reduce(
    (done, name) => done.replaceAll(`%${name}%`, () => values[name]),
    text,
  )
}

function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}
