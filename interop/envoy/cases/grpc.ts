import { cluster, extension, host, listener, manager, router } from '../bootstrap.ts'
import type { Ask, Case } from '../case.ts'

/** What a caller that speaks gRPC is told by the proxy itself: status 200, and why in `grpc-status`. */

const always = { numerator: 100, denominator: 'HUNDRED' }

const call = (path: string, doing = ''): Ask => ({
  by: 'http2',
  method: 'POST',
  path,
  body: 'x',
  headers: { 'content-type': 'application/grpc', te: 'trailers', 'x-do': doing },
})

const fault = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault'
const limit = 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
const rbac = 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute'

const own = (name: string, fields: object) => ({ typed_per_filter_config: { [name]: fields } })

export const grpc: readonly Case[] = [
  {
    name: 'gRPC: answers of the proxy',
    config: (at) => ({
      listeners: [
        listener(at, [
          {
            filters: [
              manager(
                [
                  host([
                    { match: { prefix: '/late' }, route: { cluster: 'c', timeout: '1s' } },
                    { match: { prefix: '/refused' }, route: { cluster: 'nobody' } },
                    { match: { prefix: '/empty' }, route: { cluster: 'empty' } },
                    ...[400, 401, 403, 404, 429, 500, 502, 503, 504].map((http_status) => ({
                      match: { prefix: `/${http_status}` },
                      route: { cluster: 'c' },
                      ...own('HTTPFault', {
                        '@type': fault,
                        abort: { http_status, percentage: always },
                      }),
                    })),
                    {
                      match: { prefix: '/limited' },
                      route: { cluster: 'c' },
                      ...own('LocalRateLimit', {
                        '@type': limit,
                        stat_prefix: 'limit',
                        filter_enabled: { default_value: always },
                        filter_enforced: { default_value: always },
                        token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: '60s' },
                      }),
                    },
                    {
                      match: { prefix: '/denied' },
                      route: { cluster: 'c' },
                      ...own('RBAC', { '@type': rbac, rbac: { rules: { action: 'ALLOW' } } }),
                    },
                    { match: { prefix: '/some' }, route: { cluster: 'c' } },
                  ]),
                ],
                {
                  http_filters: [
                    extension('filters.http.fault.v3.HTTPFault'),
                    extension('filters.http.local_ratelimit.v3.LocalRateLimit', {
                      stat_prefix: 'limit',
                    }),
                    extension('filters.http.rbac.v3.RBAC'),
                    router,
                  ],
                },
              ),
            ],
          },
        ]),
      ],
      clusters: [
        cluster('c', [at.apps.c], {
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        }),
        cluster('nobody', [at.nobody]),
        cluster('empty', []),
      ],
    }),
    asks: [
      call('/some'),
      call('/none'),
      call('/late', 'slow 3000'),
      call('/refused'),
      call('/empty'),
      call('/limited'),
      call('/limited'),
      call('/denied'),
      ...[400, 401, 403, 404, 429, 500, 502, 503, 504].map((status) => call(`/${status}`)),
    ],
    differs: {
      '1.answers.0.headers.grpc-message': 'Outrider says in a line of text why it answers itself',
      '2.answers.0.headers.grpc-status': 'time that ran out is DEADLINE_EXCEEDED, not UNAVAILABLE',
    },
  },
]
