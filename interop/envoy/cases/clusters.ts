import type { Raw } from '../../../proxy/problems.ts'
import { apps, cluster, endpoints, host, listener, manager, routes, to } from '../bootstrap.ts'
import { type Addresses, type Case, type Exchange, ownWords } from '../case.ts'

/** Where requests go, and how the other side is found. */

const weighted = (a: number, b: number): Raw => ({
  match: { prefix: '/' },
  route: {
    weighted_clusters: {
      clusters: [
        { name: 'a', weight: a },
        { name: 'b', weight: b },
      ],
    },
  },
})

/** Of 200 requests, how many tens went to `b`, give or take. */
const shareOfB = ([exchange]: readonly Exchange[]): unknown => {
  const toB = exchange?.arrivals.filter(({ app }) => app === 'b').length ?? 0
  return toB > 20 && toB < 60 ? 'about 40 of 200' : toB
}

/** A mirrored request arrives when it likes. */
const arrivalsByName = (exchanges: readonly Exchange[]): unknown =>
  exchanges.map((exchange) => ({
    ...exchange,
    arrivals: [...exchange.arrivals].sort((a, b) => (a.app < b.app ? -1 : 1)),
  }))

const only =
  (make: (at: Addresses) => Raw): Case['config'] =>
  (at) => ({
    listeners: [listener(at, [{ filters: [manager([host([to('some')])])] }])],
    clusters: [make(at)],
  })

const named = (name: string, port: number): Raw => ({
  ...endpoints('some', []),
  endpoints: [
    {
      lb_endpoints: [
        { endpoint: { address: { socket_address: { address: name, port_value: port } } } },
      ],
    },
  ],
})

const probe = { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1 }

const spoken = (options: Raw): Raw => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      ...options,
    },
  },
})

const http2 = spoken({ explicit_http_config: { http2_protocol_options: {} } })
const asCalled = spoken({
  use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} },
})

export const clusters: readonly Case[] = [
  { name: 'weights: all or nothing', config: routes([weighted(1, 0)]), asks: [{ times: 20 }] },
  {
    name: 'weights: 80 and 20',
    config: routes([weighted(80, 20)]),
    asks: [{ times: 200 }],
    compared: shareOfB,
  },
  {
    name: 'mirror',
    config: routes([
      {
        match: { prefix: '/' },
        route: { cluster: 'a', request_mirror_policies: [{ cluster: 'b' }] },
      },
    ]),
    asks: [{ path: '/x?y' }, { method: 'POST', body: 'some' }],
    compared: arrivalsByName,
    differs: {
      '*.arrivals.1.headers.x-envoy-internal': 'a copy is what was sent, and no more',
      '*.arrivals.1.headers.x-forwarded-for': 'a copy is what was sent, and no more',
    },
  },
  {
    name: 'cluster: missing',
    config: (at) => ({
      listeners: [
        listener(at, [
          {
            filters: [
              manager([], {
                route_config: {
                  name: 'routes',
                  validate_clusters: false,
                  virtual_hosts: [host([to('none', '/none'), to('a')])],
                },
              }),
            ],
          },
        ]),
      ],
      clusters: apps(at),
    }),
    asks: [{ path: '/none' }, {}],
    differs: ownWords,
  },
  {
    name: 'cluster: spoken to as the caller speaks',
    config: (at) => ({
      listeners: [listener(at, [{ filters: [manager([host([to('a', '/a'), to('c')])])] }])],
      clusters: [cluster('a', [at.apps.a], asCalled), cluster('c', [at.apps.c], asCalled)],
    }),
    asks: [{ path: '/a' }, { path: '/c', by: 'http2' }, { path: '/a', method: 'POST', body: 'x' }],
  },
  {
    name: 'cluster: without endpoints',
    config: only(() => cluster('some', [])),
    asks: [{}],
  },
  {
    name: 'cluster: a socket',
    config: only((at) => cluster('some', [at.socket])),
    asks: [{}, { method: 'POST', body: 'some' }],
  },
  {
    name: 'cluster: STRICT_DNS',
    config: only((at) =>
      cluster('some', [], {
        type: 'STRICT_DNS',
        dns_lookup_family: 'V4_ONLY',
        load_assignment: named('localhost', at.apps.a),
      }),
    ),
    asks: [{}],
  },
  {
    name: 'cluster: STRICT_DNS, no such name',
    config: only((at) =>
      cluster('some', [], {
        type: 'STRICT_DNS',
        load_assignment: named('no.such.name.invalid', at.apps.a),
      }),
    ),
    asks: [{}],
  },
  {
    name: 'cluster: HTTP/2',
    config: only((at) => cluster('some', [at.apps.c], http2)),
    asks: [
      { path: '/x?y' },
      { method: 'POST', body: 'some' },
      { headers: { 'x-do': 'status 404' } },
    ],
  },
  {
    name: 'cluster: HTTP/2 on both sides',
    config: only((at) => cluster('some', [at.apps.c], http2)),
    asks: [
      { by: 'http2', path: '/x?y' },
      { by: 'http2', method: 'POST', body: 'some' },
      { by: 'http2', headers: { te: 'trailers', 'content-type': 'application/grpc' } },
    ],
  },
  {
    name: 'health check: one is down',
    config: only((at) =>
      cluster('some', [at.apps.a, at.nobody], {
        health_checks: [{ ...probe, tcp_health_check: {} }],
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      }),
    ),
    asks: [{ after: 1500, times: 6 }],
  },
  {
    name: 'health check: all are down',
    config: only((at) =>
      cluster('some', [at.nobody], {
        health_checks: [{ ...probe, tcp_health_check: {} }],
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
      }),
    ),
    asks: [{ after: 1500 }],
  },
]
