import type { Raw } from '../../../proxy/problems.ts'
import { cluster, extension, host, listener, manager, router, routes, to } from '../bootstrap.ts'
import type { Ask, Case, Exchange } from '../case.ts'

/** What happens when applications fail, are slow, or get too much. */

const retried = (retry_policy: Raw, more: Raw = {}): Case['config'] =>
  routes([{ match: { prefix: '/' }, route: { cluster: 'a', retry_policy, ...more } }])

const doing = (what: string, more: Ask = {}): Ask => ({ headers: { 'x-do': what }, ...more })

/** The same answers, in whichever order. */
const unordered = (exchanges: readonly Exchange[]): unknown =>
  exchanges.map(({ answers, arrivals }) => ({
    arrivals: arrivals.length,
    answers: answers
      .map(({ status, body, headers }) => ({ status, body, headers }))
      .sort((a, b) => a.status - b.status),
  }))

const filtered = (filter: Raw, perRoute: Raw = {}): Case['config'] =>
  routes([{ match: { prefix: '/own' }, route: { cluster: 'a' }, ...perRoute }, to('a')], {
    http_filters: [filter, router],
  })

const fault = (fields: Raw): Raw => extension('filters.http.fault.v3.HTTPFault', fields)

const always = { numerator: 100, denominator: 'HUNDRED' }

const limit = (fields: Raw): Raw =>
  extension('filters.http.local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: 'limit',
    filter_enabled: { default_value: always },
    filter_enforced: { default_value: always },
    token_bucket: { max_tokens: 2, tokens_per_fill: 2, fill_interval: '60s' },
    ...fields,
  })

/** A cluster of these endpoints, with a route to it that tries again. */
const refusing =
  (retry_policy?: Raw): Case['config'] =>
  (at) => ({
    listeners: [
      listener(at, [
        {
          filters: [
            manager([
              host([
                {
                  match: { prefix: '/' },
                  route: { cluster: 'some', ...(retry_policy && { retry_policy }) },
                },
              ]),
            ]),
          ],
        },
      ]),
    ],
    clusters: [cluster('some', [at.nobody])],
  })

const breaking =
  (thresholds: Raw, more: Raw = {}): Case['config'] =>
  (at) => ({
    listeners: [listener(at, [{ filters: [manager([host([to('a')])])] }])],
    clusters: [
      cluster('a', [at.apps.a], { circuit_breakers: { thresholds: [thresholds] }, ...more }),
    ],
  })

const madeGood =
  'where a connection had been used before, the request is sent once more on a fresh one'

export const resilience: readonly Case[] = [
  {
    name: 'retry: 5xx',
    config: retried({ retry_on: '5xx', num_retries: 2 }),
    asks: [
      doing('first;status 503'),
      doing('status 503'),
      doing('status 404'),
      doing('first;reset'),
      doing('first;status 500', { method: 'POST', body: 'some' }),
      doing('reset'),
    ],
    differs: { '5.arrivals.3': madeGood },
  },
  {
    name: 'retry: gateway errors',
    config: retried({ retry_on: 'gateway-error' }),
    asks: [doing('first;status 502'), doing('first;status 500'), doing('first;status 504')],
  },
  {
    name: 'retry: codes',
    config: retried({ retry_on: 'retriable-status-codes', retriable_status_codes: [418] }),
    asks: [doing('first;status 418'), doing('first;status 503'), doing('status 418')],
  },
  {
    name: 'retry: headers',
    config: retried({
      retry_on: 'retriable-headers',
      retriable_headers: [{ name: 'x-again', string_match: { exact: 'yes' } }],
    }),
    asks: [doing('first;header x-again yes'), doing('first;header x-again no')],
  },
  {
    name: 'retry: time for a try',
    config: retried({ retry_on: '5xx', num_retries: 1, per_try_timeout: '1s' }),
    asks: [doing('first;slow 3000'), doing('slow 3000')],
  },
  {
    name: 'retry: reset',
    config: retried({ retry_on: 'reset' }),
    asks: [doing('first;reset'), doing('first;status 503')],
  },
  {
    name: 'retry: none',
    config: routes([to('a')]),
    asks: [doing('status 503'), doing('reset')],
    differs: { '1.arrivals.1': madeGood },
  },
  { name: 'refused', config: refusing(), asks: [{}, { method: 'POST', body: 'x' }] },
  {
    name: 'refused, with retries',
    config: refusing({ retry_on: 'connect-failure', num_retries: 1 }),
    asks: [{}],
  },
  {
    name: 'timeout',
    config: routes([{ match: { prefix: '/' }, route: { cluster: 'a', timeout: '1s' } }]),
    asks: [doing('slow 3000'), {}, doing('slow 3000', { method: 'POST', body: 'x' })],
  },
  {
    name: 'timeout: idle stream',
    config: routes([
      { match: { prefix: '/' }, route: { cluster: 'a', timeout: '0s', idle_timeout: '1s' } },
    ]),
    asks: [doing('slow 3000'), {}],
  },
  {
    name: 'fault: abort',
    config: filtered(fault({ abort: { http_status: 418, percentage: always } })),
    asks: [{}, { path: '/own' }],
  },
  {
    name: 'fault: abort by a header',
    config: filtered(
      fault({
        abort: { http_status: 503, percentage: always },
        headers: [{ name: 'x-fail', present_match: true }],
      }),
    ),
    asks: [{}, { headers: { 'x-fail': '1' } }],
  },
  {
    name: 'fault: delay',
    config: filtered(fault({ delay: { fixed_delay: '1s', percentage: always } })),
    asks: [{}],
  },
  {
    name: 'fault: of a route',
    config: filtered(fault({}), {
      typed_per_filter_config: {
        HTTPFault: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
          abort: { http_status: 418, percentage: always },
        },
      },
    }),
    asks: [{}, { path: '/own' }],
  },
  { name: 'rate limit', config: filtered(limit({})), asks: [{ times: 4 }] },
  {
    name: 'rate limit: status and headers',
    config: filtered(
      limit({
        status: { code: 'ServiceUnavailable' },
        response_headers_to_add: [{ header: { key: 'x-limited', value: 'true' } }],
      }),
    ),
    asks: [{ times: 4 }],
  },
  {
    name: 'circuit breaker: requests',
    config: breaking({ max_requests: 2 }),
    asks: [doing('slow 1000', { times: 5, atOnce: true }), {}],
    compared: unordered,
  },
  {
    name: 'circuit breaker: connections',
    config: breaking({ max_connections: 1, max_pending_requests: 1 }),
    // The first leaves a connection, for which the others wait or not.
    asks: [{}, doing('slow 1000', { times: 4, atOnce: true }), {}],
    compared: unordered,
  },
]
