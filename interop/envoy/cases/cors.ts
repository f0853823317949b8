import type { Raw } from '../../../proxy/problems.ts'
import { apps, cluster, extension, host, listener, manager, router, to } from '../bootstrap.ts'
import type { Ask, Case, Headers } from '../case.ts'
import { ownWords } from '../case.ts'

/** Pages of other origins: preflights, and what answers say to browsers. */

const filter = { ...extension('filters.http.cors.v3.Cors'), name: 'cors' }

const says = (fields: Raw): Raw => ({
  typed_per_filter_config: {
    cors: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy',
      ...fields,
    },
  },
})

const filterConfig = (fields: Raw): Raw => ({
  typed_per_filter_config: {
    cors: { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', ...fields },
  },
})

const app = { allow_origin_string_match: [{ exact: 'https://app.test' }] }
const full: Raw = {
  ...app,
  allow_methods: 'GET,PUT',
  allow_headers: 'x-token',
  expose_headers: 'x-app',
  max_age: '600',
  allow_credentials: true,
  allow_private_network_access: true,
}
const share = (numerator: number): Raw => ({ default_value: { numerator } })

const options = (headers: NonNullable<Ask['headers']>): Ask => ({
  method: 'OPTIONS',
  headers,
})
const preflight = (origin: string | readonly string[], more: Ask['headers'] = {}): Ask =>
  options({ origin, 'access-control-request-method': 'PUT', ...more })
const actual = (origin: string | readonly string[], more: Ask['headers'] = {}): Ask => ({
  headers: { origin, ...more },
})

/** All that a browser may ask, of an origin that may and of one that may not. */
const everything: readonly Ask[] = ['https://app.test', 'https://other.test'].flatMap((origin) => [
  actual(origin),
  preflight(origin),
  preflight(origin, {
    'access-control-request-headers': 'x-a,x-b',
    'access-control-request-private-network': 'true',
  }),
  options({ origin }),
])

const at = (path: string, asks: readonly Ask[] = everything): readonly Ask[] =>
  asks.map((one) => ({ ...one, path }))

const cors = (
  name: string,
  asks: readonly Ask[],
  hosted: Raw,
  table: Raw = {},
  filters: readonly Raw[] = [filter],
): Case => ({
  name: `CORS: ${name}`,
  config: (addresses) => ({
    listeners: [
      listener(addresses, [
        {
          filters: [
            manager([], {
              route_config: { name: 'routes', virtual_hosts: [hosted], ...table },
              http_filters: [...filters, router],
            }),
          ],
        },
      ]),
    ],
    clusters: [...apps(addresses), cluster('gone', [addresses.nobody])],
  }),
  asks,
  // An empty body is framed by Envoy alone.
  compared: (exchanges) =>
    exchanges.map(({ arrivals, ...rest }) => ({
      ...rest,
      arrivals: arrivals.map((one) => ({ ...one, headers: unframed(one.headers) })),
    })),
})

const unframed = ({ 'content-length': _, ...headers }: Headers): Headers => headers

/** A virtual host with one route that says this. */
const route = (fields: Raw): Raw => host([to('a', '/', says(fields))])

const origins: readonly Raw[] = [
  { exact: '*' },
  { exact: 'https://APP.test', ignore_case: true },
  { prefix: 'https://' },
  { suffix: '.test' },
  { contains: 'app' },
  { safe_regex: { regex: 'https://a.*' } },
  { safe_regex: { regex: '\\*' } },
]

export const corsCases: readonly Case[] = [
  cors('all that can be said', everything, route(full)),
  cors('nothing but an origin', everything, route(app)),
  cors('nothing at all', everything, route({})),
  cors(
    'what was asked for is allowed',
    everything,
    route({ ...app, allow_methods: '*', allow_headers: '*', expose_headers: '*' }),
  ),
  cors(
    'preflights of others are answered',
    everything,
    route({ ...full, forward_not_matching_preflights: false }),
  ),
  cors(
    'strange requests',
    [
      actual(''),
      actual('null'),
      preflight(['https://app.test', 'https://b.test']),
      actual('HTTPS://APP.TEST'),
      preflight('https://app.test', { 'access-control-request-method': '' }),
      preflight('https://app.test', { 'access-control-request-method': ['PUT', 'GET'] }),
      preflight('https://app.test', { 'access-control-request-headers': ['x-a', 'x-b'] }),
      preflight('https://app.test', { 'access-control-request-private-network': 'yes' }),
      { ...preflight('https://app.test'), method: 'GET' },
      { ...preflight('https://app.test'), by: 'http2' },
      { ...preflight('https://app.test'), body: 'more' },
    ],
    route({
      ...full,
      allow_origin_string_match: [{ exact: 'null' }, { prefix: 'https://app.test' }],
      allow_methods: '*',
      allow_headers: '*',
    }),
  ),
  cors(
    'kinds of origins',
    origins.flatMap((_, index) =>
      at(
        `/${index}`,
        ['https://app.test', 'http://b.test', 'null'].map((origin) => actual(origin)),
      ),
    ),
    host(
      origins.map((match, index) =>
        to('a', `/${index}`, says({ allow_origin_string_match: [match] })),
      ),
    ),
  ),
  cors(
    'what the application says is replaced',
    [
      'header access-control-allow-origin *',
      'header access-control-expose-headers x-own',
      'header access-control-allow-credentials false',
      'header vary accept',
      'status 500',
    ].flatMap((words) => [
      actual('https://app.test', { 'x-do': words }),
      actual('https://other.test', { 'x-do': words }),
    ]),
    route(full),
  ),
  cors(
    'header changes of the route come before',
    [actual('https://app.test'), preflight('https://app.test')],
    host([
      to('a', '/', {
        ...says(full),
        response_headers_to_add: [
          { header: { key: 'access-control-allow-origin', value: 'mine' } },
          { header: { key: 'x-more', value: '1' } },
        ],
      }),
    ]),
  ),
  cors(
    'route, virtual host and table',
    ['/a', '/b', '/c', '/e', '/'].flatMap((path) => at(path)),
    host(
      [
        to('a', '/a', says({ allow_methods: 'POST', allow_credentials: false })),
        to('a', '/b', says({ filter_enabled: share(0) })),
        to('a', '/c', filterConfig({ disabled: true })),
        to('a', '/e', says({ allow_origin_string_match: [{ exact: 'https://other.test' }] })),
        to('a'),
      ],
      says({ allow_methods: 'GET', max_age: '5', allow_credentials: true }),
    ),
    says({ ...full, forward_not_matching_preflights: false }),
  ),
  cors(
    'shares',
    ['/none', '/shadow', '/all'].flatMap((path) => at(path)),
    host([
      to('a', '/none', says({ ...full, filter_enabled: share(0) })),
      to('a', '/shadow', says({ ...full, filter_enabled: share(0), shadow_enabled: share(100) })),
      to('a', '/all', says({ ...full, filter_enabled: share(100), shadow_enabled: share(100) })),
    ]),
  ),
  cors(
    'in fields of the route and the virtual host',
    ['/a', '/b', '/c', '/'].flatMap((path) => at(path)),
    host(
      [
        {
          match: { prefix: '/a' },
          route: { cluster: 'a', cors: { allow_methods: 'PUT', max_age: '1' } },
        },
        to('a', '/b', says({ ...app, allow_methods: 'DELETE' })),
        to('a', '/c', filterConfig({ disabled: true })),
        to('a'),
      ],
      { cors: { ...full, max_age: '2' } },
    ),
  ),
  cors('without the filter', everything, { ...route(full), cors: full }, {}, []),
  cors(
    'a filter that is disabled',
    ['/a', '/'].flatMap((path) => at(path)),
    host([to('a', '/a', says(full)), to('a')], { cors: app }),
    {},
    [{ ...filter, disabled: true }],
  ),
  {
    ...cors(
      'answers of the proxy itself',
      ['/gone', '/redirect', '/direct', '/nowhere'].flatMap((path) => at(path)),
      host([
        to('gone', '/gone', says(full)),
        { match: { prefix: '/redirect' }, redirect: { path_redirect: '/' }, ...says(full) },
        { match: { prefix: '/direct' }, direct_response: { status: 200 }, ...says(full) },
      ]),
    ),
    differs: ownWords,
  },
  ...[true, false].map(
    (first): Case => ({
      ...cors(
        `permissions ${first ? 'after' : 'before'} it`,
        everything,
        route(full),
        {},
        first
          ? [filter, extension('filters.http.rbac.v3.RBAC', { rules: {} })]
          : [extension('filters.http.rbac.v3.RBAC', { rules: {} }), filter],
      ),
    }),
  ),
]
