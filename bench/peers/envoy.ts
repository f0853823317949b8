import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { endpointAddresses, type Hop, type Peer, startHops } from '../peer.ts'
import { type Program, startProgram, which } from '../processes.ts'

const typeUrl = (name: string): { '@type': string } => ({
  '@type': `type.googleapis.com/envoy.extensions.${name}`,
})

/** One worker thread, the router filter alone, statistics as they come, no access log, no admin listener. */
export const envoy: Peer = {
  name: 'envoy',
  available: () => {
    const program = which('envoy')
    if (!program) return null
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
    return /\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? ''
  },
  refuses: () => null,
  start: (topology) => startHops(topology, startHop),
}

function startHop(hop: Hop): Promise<Program> {
  const dir = join(hop.dir, `envoy-${hop.side}`)
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'envoy.json')
  writeFileSync(file, JSON.stringify(bootstrap(hop)))
  const flags = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
  return startProgram(which('envoy') ?? 'envoy', ['--config-path', file, ...flags], hop.port)
}

function bootstrap(hop: Hop): object {
  return { static_resources: { listeners: [listener(hop)], clusters: [cluster(hop)] } }
}

function listener(hop: Hop): object {
  const manager = {
    ...typeUrl('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'in',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'upstream' } }],
        },
      ],
    },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: typeUrl('filters.http.router.v3.Router') },
    ],
  }
  const tls = {
    ...typeUrl('transport_sockets.tls.v3.DownstreamTlsContext'),
    require_client_certificate: true,
    common_tls_context: commonTls(hop, 'spiffe://default/'),
  }
  return {
    name: 'in',
    address: address('127.0.0.1', hop.port),
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
        ...(hop.tls === 'downstream' && { transport_socket: tlsSocket(tls) }),
      },
    ],
  }
}

function cluster(hop: Hop): object {
  const tls = {
    ...typeUrl('transport_sockets.tls.v3.UpstreamTlsContext'),
    common_tls_context: commonTls(hop, 'spiffe://default/backend'),
  }
  return {
    name: 'upstream',
    type: 'STATIC',
    connect_timeout: '5s',
    circuit_breakers: { thresholds: [{ max_requests: 20_000, max_pending_requests: 20_000 }] },
    ...(hop.protocol === 'http2' && {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          ...typeUrl('upstreams.http.v3.HttpProtocolOptions'),
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }),
    load_assignment: {
      cluster_name: 'upstream',
      endpoints: [
        {
          lb_endpoints: endpointAddresses(hop.endpoints).map((ip) => ({
            endpoint: { address: address(ip, hop.upstreamPort) },
          })),
        },
      ],
    },
    ...(hop.tls === 'upstream' && { transport_socket: tlsSocket(tls) }),
  }
}

const address = (ip: string, port: number): object => ({
  socket_address: { address: ip, port_value: port },
})

const tlsSocket = (config: object): object => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: config,
})

function commonTls(hop: Hop, peerPrefix: string): object {
  return {
    tls_params: {
      tls_minimum_protocol_version: 'TLSv1_3',
      tls_maximum_protocol_version: 'TLSv1_3',
      ecdh_curves: ['P-256'],
    },
    tls_certificates: [
      { certificate_chain: { filename: hop.cert }, private_key: { filename: hop.key } },
    ],
    validation_context: {
      trusted_ca: { filename: hop.ca },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: peerPrefix } }],
    },
  }
}
