import { isIPv6 } from 'node:net'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { type SocketPlace, text } from '../reading/values.ts'

const grpcFields: Coverage = {
  message: 'envoy.config.core.v3.GrpcService',
  read: ['envoy_grpc'],
  harmless: {
    timeout: 'a collector has 5 s',
    retry_policy: 'what a collector does not take is dropped',
  },
}

const envoyGrpcFields: Coverage = {
  message: 'envoy.config.core.v3.GrpcService.EnvoyGrpc',
  read: ['cluster_name'],
  harmless: {
    authority: 'a collector is called by its address',
    retry_policy: 'what a collector does not take is dropped',
    max_receive_message_length: 'a collector has little to say',
    skip_envoy_headers: 'no such headers are sent to it',
  },
}

const httpFields: Coverage = {
  message: 'envoy.config.core.v3.HttpService',
  read: ['http_uri'],
  harmless: {},
}

const uriFields: Coverage = {
  message: 'envoy.config.core.v3.HttpUri',
  read: ['uri', 'cluster'],
  harmless: { timeout: 'a collector has 5 s' },
}

/**
 * `host:port` of the endpoint behind a cluster; null when there is none, of which somebody has been told. Nothing is sent to
 * a collector then, and traffic goes on.
 */
export function collectorHost(place: Place, key: string, context: Context): string | null {
  const cluster = text(place, key)
  const found = context.clusterAddress(cluster)
  if (found === null) {
    warn(place, key, `nothing is sent to ${cluster}: it is not there, or has not one endpoint`)
    return null
  }
  if (found.host.startsWith('/')) {
    const hint = 'give the collector an address and a port'
    warn(place, key, `nothing is sent to ${cluster}: it is a Unix socket`, hint)
    return null
  }
  return hostAndPort(found)
}

const hostAndPort = ({ host, port }: SocketPlace): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}`

/** The same without a word; null also where it is a Unix socket. */
export function collectorAddress(cluster: string, context: Context): string | null {
  const found = context.clusterAddress(cluster)
  return found === null || found.host.startsWith('/') ? null : hostAndPort(found)
}

/** The URL of a collector of OpenTelemetry, from `grpc_service` or `http_service`; null when nothing can be sent. */
export function collectorUrl(place: Place, context: Context): string | null {
  const http = inside(place, 'http_service')
  if (http !== null) return httpCollector(http, context)
  const service = inside(place, 'grpc_service')
  if (service === null) {
    fail(place, '', 'must have a grpc_service or an http_service')
    return null
  }
  checkFields(service, grpcFields)
  const envoy = inside(service, 'envoy_grpc')
  if (envoy === null) {
    fail(service, 'envoy_grpc', 'is missing')
    return null
  }
  checkFields(envoy, envoyGrpcFields)
  const host = collectorHost(envoy, 'cluster_name', context)
  return host === null ? null : `grpc://${host}`
}

/** The cluster says where the collector is, the URI under which path. */
function httpCollector(place: Place, context: Context): string | null {
  checkFields(place, httpFields)
  const target = inside(place, 'http_uri')
  if (target === null) {
    fail(place, 'http_uri', 'is missing')
    return null
  }
  checkFields(target, uriFields)
  const host = collectorHost(target, 'cluster', context)
  const uri = text(target, 'uri')
  if (!URL.canParse(uri)) {
    fail(target, 'uri', 'must be a URL')
    return null
  }
  const { protocol, pathname } = new URL(uri)
  return host === null ? null : `${protocol}//${host}${pathname}`
}

export const collectorCoverages: readonly Coverage[] = [
  grpcFields,
  envoyGrpcFields,
  httpFields,
  uriFields,
]
