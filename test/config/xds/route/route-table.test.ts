import t from 'tap'
import { translateRouteTable } from '../../../../config/xds/route/route-table.ts'
import { managerOf, tableWith, toApp } from '../../../support/listeners.ts'
import { bareContext, translation } from '../../../support/translation.ts'

const tableOf = (fields: object) =>
  translation(
    'envoy.config.route.v3.RouteConfiguration',
    { name: 'all', ...fields },
    translateRouteTable,
  )
const routeOf = (fields: object, over: object = {}) => {
  const { value, said } = tableOf({ ...tableWith({ ...toApp, ...fields }), ...over })
  return { route: value.virtualHosts[0]?.routes[0], said }
}
const header = (key: string, value: string, append_action?: string) => ({
  header: { key, value },
  ...(append_action === undefined ? {} : { append_action }),
})
const changed = (request: object, response: object = {}) => ({
  kind: 'headers',
  request: { set: [], add: [], remove: [], ...request },
  response: { set: [], add: [], remove: [], ...response },
})
const headersOf = ({ route }: ReturnType<typeof routeOf>) =>
  route?.policies.filter(({ kind }) => kind === 'headers')

t.test('xds route table: hosts, domains and routes arrive in their order', async (t) => {
  t.same(
    tableOf({
      virtual_hosts: [
        { name: 'a', domains: ['A.test', '*.b.test'], routes: [{ ...toApp, name: 'one' }] },
        { name: 'rest', domains: ['*'] },
      ],
      validate_clusters: false,
    }),
    {
      value: {
        name: 'all',
        origin: bareContext.origin,
        ignorePort: false,
        virtualHosts: [
          {
            name: 'a',
            domains: ['a.test', '*.b.test'],
            routes: [
              {
                name: 'one',
                match: {
                  path: { kind: 'prefix', value: '/' },
                  methods: [],
                  headers: [],
                  query: [],
                  peer: null,
                  percent: 100,
                },
                action: {
                  kind: 'forward',
                  clusters: [{ cluster: 'app', weight: 1, policies: [] }],
                  rewrite: { path: null, host: null },
                  hashPolicies: [],
                  mirrors: [],
                },
                policies: [
                  { kind: 'timeout', requestTimeoutMs: 0, streamIdleTimeoutMs: null, byPeer: [] },
                ],
              },
            ],
          },
          { name: 'rest', domains: ['*'], routes: [] },
        ],
      },
      said: [],
    },
  )
})

t.test('xds route table: header changes of all levels, the outer after the inner', async (t) => {
  const levels = {
    request_headers_to_remove: ['X-Kuma-Tags'],
    virtual_hosts: [
      {
        name: 'all',
        domains: ['*'],
        response_headers_to_add: [header('x-host', '1')],
        routes: [
          {
            ...toApp,
            request_headers_to_add: [
              header('X-A', '1'),
              header('x-b', '50%%'),
              header('x-a', '2', 'OVERWRITE_IF_EXISTS_OR_ADD'),
              header('Host', 'b.test', 'OVERWRITE_IF_EXISTS_OR_ADD'),
              header('x-empty', ''),
              { ...header('x-none', ''), keep_empty_value: true },
              {
                header: { key: 'x-raw', raw_value: Buffer.from('r').toString('base64') },
                append: false,
              },
            ],
          },
        ],
      },
    ],
  }
  const own = changed({
    set: [
      { name: 'x-a', value: '2' },
      { name: 'host', value: 'b.test' },
      { name: 'x-raw', value: 'r' },
    ],
    add: [
      { name: 'x-b', value: '50%' },
      { name: 'x-none', value: '' },
    ],
  })
  const ofHost = changed({}, { add: [{ name: 'x-host', value: '1' }] })
  const ofTable = changed({ remove: ['x-kuma-tags'] })
  const inner = routeOf({}, levels)
  t.same(inner.said, [])
  t.same(headersOf(inner), [own, ofHost, ofTable])
  const outer = routeOf({}, { ...levels, most_specific_header_mutations_wins: true })
  t.same(headersOf(outer), [ofTable, ofHost, own])
})

t.test(
  'xds route table: ports of an authority count unless it is said that they do not',
  async (t) => {
    t.equal(tableOf({}).value.ignorePort, false)
    t.equal(tableOf({ ignore_port_in_host_matching: true }).value.ignorePort, true)
  },
)

t.test(
  'xds route table: a virtual host’s retries and mirrors are for routes without',
  async (t) => {
    const host = (route: object, over: object) =>
      routeOf({}, { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route], ...over }] })
    const retry_policy = { retry_on: '5xx', num_retries: 7 }
    t.match(host(toApp, { retry_policy }).route?.policies.at(-1), { kind: 'retry', maxRetries: 7 })
    const own = { ...toApp, route: { ...toApp.route, retry_policy: { retry_on: 'reset' } } }
    t.match(host(own, { retry_policy }).route?.policies.at(-1), { kind: 'retry', maxRetries: 1 })
    const kept = { ...own, per_request_buffer_limit_bytes: 1_024 }
    t.match(host(kept, { retry_policy, request_body_buffer_limit: 2_048 }).route?.policies.at(-1), {
      replayBytes: 1_024,
    })
    const request_mirror_policies = [{ cluster: 'shadow' }]
    t.match(host(toApp, { request_mirror_policies }).route?.action, {
      mirrors: [{ cluster: 'shadow', percent: 100 }],
    })
  },
)

t.test('xds route table: redirects and answers', async (t) => {
  const redirect = { scheme: null, host: null, port: null, path: null }
  const of = (fields: object) => routeOf({ route: undefined, ...fields }).route?.action
  t.same(of({ redirect: { https_redirect: true } }), {
    ...redirect,
    kind: 'redirect',
    scheme: 'https',
    status: 301,
  })
  t.same(
    of({
      redirect: {
        scheme_redirect: 'http',
        host_redirect: 'b.test',
        port_redirect: 81,
        prefix_rewrite: '/b',
        response_code: 'PERMANENT_REDIRECT',
      },
    }),
    {
      kind: 'redirect',
      scheme: 'http',
      host: 'b.test',
      port: 81,
      path: { kind: 'prefix', value: '/b' },
      status: 308,
    },
  )
  t.match(of({ redirect: { path_redirect: '/c', response_code: 'FOUND' } }), {
    path: { kind: 'full', value: '/c' },
    status: 302,
  })
  t.same(of({ direct_response: { status: 503, body: { inline_string: 'later' } } }), {
    kind: 'direct',
    status: 503,
    body: 'later',
  })
  t.same(of({ direct_response: { status: 204 } }), { kind: 'direct', status: 204, body: '' })
})

t.test('xds route table: what is wrong is told', async (t) => {
  const route = 'virtual_hosts[0].routes[0]'
  const add = `${route}.request_headers_to_add[0]`
  const adding = (option: object) => ({ request_headers_to_add: [option] })
  const table: readonly (readonly [object, RegExp | string])[] = [
    [{ tracing: {} }, `${route}.tracing: is not supported here`],
    [{ match: undefined }, `${route}.match: is missing`],
    [{ route: undefined }, `${route}: must have a route, a redirect or a direct_response`],
    [
      { route: undefined, redirect: { strip_query: true } },
      `${route}.redirect.strip_query: is not supported here`,
    ],
    [
      { route: undefined, direct_response: { status: 200, body: { filename: '/nowhere' } } },
      `${route}.direct_response.body: cannot be read: there is no /nowhere`,
    ],
    [adding({}), `${add}.header: is missing`],
    [
      adding(header('x-a', '%REQ(x)%')),
      `${add}.header.value: holds a command operator (%…%), which is not supported here`,
    ],
    [
      adding(header('Connection', 'close')),
      `${add}.header.key: connection frames the message or belongs to one hop; the proxy writes it`,
    ],
    [adding(header('x-a', 'a\nb')), /header\.value: must not hold line breaks/],
    [
      adding(header('x-a', 'b', 'ADD_IF_ABSENT')),
      `${add}.append_action: ADD_IF_ABSENT is not supported here; supported: APPEND_IF_EXISTS_OR_ADD, OVERWRITE_IF_EXISTS_OR_ADD`,
    ],
    [
      {
        typed_per_filter_config: {
          x: { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', disabled: true },
        },
      },
      `${route}.typed_per_filter_config[x]: needs the filter to be known, which stands in the listener: not over RDS`,
    ],
  ]
  for (const [fields, expected] of table) {
    const [line = ''] = routeOf(fields).said
    if (typeof expected === 'string') t.equal(line, `error ${expected}`)
    else t.match(line, expected)
  }
  t.match(tableOf({ vhds: {} }).said, ['error vhds: is not supported here'])
  const secured = { virtual_hosts: [{ name: 'a', domains: ['*'], require_tls: 'ALL' }] }
  t.match(tableOf(secured).said, [
    'error virtual_hosts[0].require_tls: ALL is not supported here; supported: NONE',
  ])
})

t.test('xds route table: what a listener knows is not known over RDS', async (t) => {
  const filter_state = [{ key: 'who', string_match: { exact: 'a' } }]
  const { said } = routeOf({ match: { prefix: '/', filter_state } })
  t.match(said, [/filter_state\[0\]\.key: nothing puts who into the filter state/])
  t.equal(managerOf({}).table?.virtualHosts.length, 1)
})

t.test(
  'xds routes: permissions of a route are refused where its listener is not known',
  async (t) => {
    const type = 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute'
    const mine = { '@type': type }
    t.match(tableOf(tableWith({ ...toApp, typed_per_filter_config: { mine } })).said, [
      /^error .*typed_per_filter_config\[mine\]: permissions of a route are not supported over RDS/,
    ])
  },
)
