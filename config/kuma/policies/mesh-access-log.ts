import * as v from 'valibot'
import type { AccessLog, HttpFilter, LogFilter, LogFormat } from '../../../proxy/model/listener.ts'
import { collectorOf } from '../collector.ts'
import { bodyFields } from '../otlp-body.ts'
import { peerMatchOf } from '../peers.ts'
import { confsByPeer } from '../per-peer.ts'
import { resolvePlaceholders } from '../placeholders.ts'
import { type About, translation } from '../policy.ts'
import {
  type AccessLogFormat,
  type MeshAccessLogConf,
  meshAccessLogConf,
} from '../schemas/mesh-access-log.ts'
import { serviceNameOf } from './mesh-trace.ts'

/**
 * Kuma MeshAccessLog: the last list of backends counts, and an empty one logs nothing. Where rules name callers, a caller is
 * logged by the narrowest rule that means it.
 */
export const meshAccessLog = translation({
  kind: 'MeshAccessLog',
  schema: meshAccessLogConf,
  http: (conf, filter, about) => ({ ...filter, accessLogs: logs(conf, httpFormat, about) }),
  tcp: (conf, filter, about) => ({ ...filter, accessLogs: logs(conf, tcpFormat, about) }),
  inbound: (entries, filter, about) => {
    if (entries.every(({ peer }) => peer === null)) return filter
    const format = filter.kind === 'http' ? httpFormat : tcpFormat
    const groups = confsByPeer(entries).map(({ peer, conf }) => ({
      peer: peerMatchOf(peer),
      logs: logs(v.parse(meshAccessLogConf, conf), format, about),
    }))
    const accessLogs = groups.flatMap(({ peer, logs }, index) => {
      const narrower = groups.slice(0, index).flatMap((group) => group.peer ?? [])
      const own = { ...allExchanges, peer, exceptPeers: narrower }
      return logs.map((log) => ({ ...log, filter: own }))
    })
    return { ...filter, accessLogs }
  },
})

const allExchanges: LogFilter = {
  minStatus: 0,
  peer: null,
  exceptPeers: [],
  routes: [],
  exceptRoutes: [],
}

/** Adds the logs of routes that have settings of their own; those logs take these routes from the listener's. */
export function withRouteLogs(
  filter: HttpFilter,
  own: readonly { readonly routes: readonly string[]; readonly conf: unknown }[],
  about: About,
): HttpFilter {
  if (own.length === 0) return filter
  const taken = own.flatMap(({ routes }) => routes)
  const others = { ...allExchanges, exceptRoutes: taken }
  const added = own.flatMap(({ routes, conf }) =>
    logs(v.parse(meshAccessLogConf, conf), httpFormat, about).map((log) => ({
      ...log,
      filter: { ...allExchanges, routes },
    })),
  )
  const kept = filter.accessLogs.map((log) => ({ ...log, filter: others }))
  return { ...filter, accessLogs: [...kept, ...added] }
}

/** Kuma's format for HTTP when the policy gives none. */
const httpFormat =
  '[%START_TIME%] %KUMA_MESH% "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%KUMA_SOURCE_SERVICE%" "%KUMA_DESTINATION_SERVICE%" "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%" "%UPSTREAM_HOST%"'

/** Kuma's format for TCP when the policy gives none. */
const tcpFormat =
  '[%START_TIME%] %RESPONSE_FLAGS% %KUMA_MESH% %KUMA_SOURCE_ADDRESS_WITHOUT_PORT%(%KUMA_SOURCE_SERVICE%)->%UPSTREAM_HOST%(%KUMA_DESTINATION_SERVICE%) took %DURATION%ms, sent %BYTES_SENT% bytes, received: %BYTES_RECEIVED% bytes'

function logs(conf: MeshAccessLogConf, fallback: string, about: About): readonly AccessLog[] {
  return (conf.backends ?? []).flatMap(({ tcp, file, openTelemetry }): readonly AccessLog[] => {
    if (openTelemetry !== undefined) return collectorLog(openTelemetry, fallback, about)
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

type Collector = NonNullable<NonNullable<MeshAccessLogConf['backends']>[number]['openTelemetry']>

/** A record's parts as the fields that `LogCollector` names. Nothing where the reference leads nowhere, of which somebody has been told. */
function collectorLog(conf: Collector, fallback: string, about: About): readonly AccessLog[] {
  const { view, proxy } = about
  const url = collectorOf(conf, 'logs', view)
  if (url === null) return []
  const field = (key: string, value: string) => ({ key, value: resolvePlaceholders(value, about) })
  const fields = [
    field('time', '%START_TIME(%s%3f)%'),
    ...bodyFields(conf.body ?? fallback).map(([key, value]) => field(key, value)),
    ...(conf.attributes ?? []).map(({ key, value }) => field(`attributes.${key}`, value)),
  ]
  const serviceName = serviceNameOf(proxy)
  return [
    {
      format: { kind: 'json', fields, omitEmpty: true },
      sink: { kind: 'otlp', url, serviceName },
      filter: null,
    },
  ]
}

function formatOf(format: AccessLogFormat | undefined, fallback: string, about: About): LogFormat {
  if (format?.json !== undefined) {
    const fields = format.json.map(({ key, value }) => ({
      key,
      value: resolvePlaceholders(value, about),
    }))
    return { kind: 'json', fields, omitEmpty: format.omitEmptyValues ?? false }
  }
  return { kind: 'text', text: resolvePlaceholders(format?.plain ?? fallback, about) }
}

function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}
