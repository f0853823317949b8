import t from 'tap'
import {
  extension,
  listenerOf,
  listenerWith,
  manager,
  managerOf,
  message,
  tableWith,
  toApp,
} from '../../../support/listeners.ts'

const filters = 'envoy.extensions.filters.http'
const rateLimitType = `${filters}.local_ratelimit.v3.LocalRateLimit`
const faultType = `${filters}.fault.v3.HTTPFault`
const mutationType = `${filters}.header_mutation.v3.HeaderMutation`
const luaType = `${filters}.lua.v3.Lua`

const withFilters = (...list: object[]) => ({ http_filters: [...list, extension('router')] })
const whole = { default_value: { numerator: 100 } }
const bucket = (tokens: number, fill_interval = '1s') => ({
  token_bucket: { max_tokens: tokens, tokens_per_fill: tokens, fill_interval },
  filter_enabled: whole,
  filter_enforced: whole,
})
const limit = (tokens: number, over: object = {}) => ({
  tokens,
  fill: tokens,
  intervalMs: 1_000,
  status: 429,
  headers: [],
  peer: null,
  ...over,
})
const none = { abort: null, delay: null, bandwidth: null, peer: null, headers: [] }
const known = new RegExp(`\\(known: .*${filters.replaceAll('.', '\\.')}\\.router\\.v3\\.Router`)

t.test('xds filters: those that change nothing are taken', async (t) => {
  const { filter, said } = managerOf(
    withFilters(
      extension(`${filters}.grpc_stats.v3.FilterConfig`, { emit_filter_state: true }),
      extension(rateLimitType, { stat_prefix: 'rate_limit' }),
      extension(faultType),
    ),
  )
  t.same(said, [])
  t.same(filter.policies, [])
})

t.test('xds filters: a rate limit has a bucket, a status and headers', async (t) => {
  const { filter, said } = managerOf(
    withFilters(
      extension(rateLimitType, {
        ...bucket(5),
        status: { code: 'ServiceUnavailable' },
        response_headers_to_add: [
          { header: { key: 'X-Limit', value: '1' } },
          { header: { key: 'x-more', value: '2' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
        ],
      }),
    ),
  )
  t.same(said, [])
  const headers = [
    { op: 'add', name: 'x-limit', value: '1' },
    { op: 'set', name: 'x-more', value: '2' },
  ]
  t.same(filter.policies, [{ kind: 'rate_limit', limits: [limit(5, { status: 503, headers })] }])
})

t.test(
  'xds filters: a rate limit is switched off by its shares, and 429 stands for what is no error',
  async (t) => {
    const of = (fields: object) =>
      managerOf(withFilters(extension(rateLimitType, fields))).filter.policies
    t.same(of({ ...bucket(5), filter_enforced: undefined }), [])
    t.same(of({ ...bucket(5), filter_enabled: { default_value: { numerator: 0 } } }), [])
    t.match(of({ ...bucket(5), status: { code: 'OK' } }), [{ limits: [{ status: 429 }] }])
  },
)

t.test('xds filters: a bucket gets one token an interval unless more are said', async (t) => {
  const token_bucket = { max_tokens: 5, fill_interval: '1s' }
  t.match(managerOf(withFilters(extension(rateLimitType, { ...bucket(5), token_bucket }))).filter, {
    policies: [{ limits: [{ tokens: 5, fill: 1 }] }],
  })
})

t.test(
  'xds filters: a fault aborts, delays and slows down, for requests with headers',
  async (t) => {
    const { filter, said } = managerOf(
      withFilters(
        extension(faultType, {
          abort: { http_status: 418, percentage: { numerator: 5, denominator: 'TEN_THOUSAND' } },
          delay: { fixed_delay: '0.1s', percentage: { numerator: 50 } },
          response_rate_limit: { fixed_limit: { limit_kbps: 2 }, percentage: { numerator: 100 } },
          headers: [{ name: 'X-A', string_match: { prefix: 'a' } }],
        }),
      ),
    )
    t.same(said, [])
    t.same(filter.policies, [
      {
        kind: 'fault',
        faults: [
          {
            abort: { status: 418, percent: 0.05 },
            delay: { ms: 100, percent: 50 },
            bandwidth: { bytesPerSecond: 2_048, percent: 100 },
            peer: null,
            headers: [
              {
                name: 'x-a',
                match: { kind: 'prefix', value: 'a', ignoreCase: false },
                invert: false,
              },
            ],
          },
        ],
      },
    ])
  },
)

t.test(
  'xds filters: header mutations of a route and around it come after the filter’s',
  async (t) => {
    const adding = (value: string) => ({
      mutations: { request_mutations: [{ append: { header: { key: 'x', value } } }] },
    })
    const said = (value: string) => ({
      typed_per_filter_config: { change: message(`${mutationType}PerRoute`, adding(value)) },
    })
    const off = {
      typed_per_filter_config: {
        change: message('envoy.config.route.v3.FilterConfig', { disabled: true }),
      },
    }
    const onRoute = (route: object, settings: object = {}, around: object = said('host')) => {
      const filter = { ...extension(mutationType, { ...adding('filter'), ...settings }) }
      const routes = [{ ...toApp, ...route }]
      const { table, said: words } = managerOf({
        http_filters: [{ ...filter, name: 'change' }, extension('router')],
        route_config: {
          ...said('table'),
          virtual_hosts: [{ name: 'all', domains: ['*'], routes, ...around }],
        },
      })
      t.same(words, [])
      return table?.virtualHosts[0]?.routes[0]?.policies.flatMap((policy) =>
        policy.kind === 'headers' ? [policy.request.add.map(({ value }) => value).join()] : [],
      )
    }
    t.same(onRoute(said('route')), ['filter', 'route', 'host', 'table'])
    t.same(onRoute(said('route'), { most_specific_header_mutations_wins: true }), [
      'filter',
      'table',
      'host',
      'route',
    ])
    t.same(onRoute({}), ['filter', 'host', 'table'])
    t.same(onRoute(off), [''], 'the listener’s are taken away')
    t.same(onRoute(said('route'), {}, off), ['filter', 'route', 'table'])
    const own = { request_headers_to_add: [{ header: { key: 'x', value: 'own' } }] }
    t.same(onRoute({ ...said('route'), ...own }), ['filter', 'route', 'host', 'table', 'own'])
  },
)

t.test(
  'xds filters: what a route says to one of two of a kind leaves the other at work',
  async (t) => {
    const abortWith = (http_status: number) => ({
      abort: { http_status, percentage: { numerator: 100 } },
    })
    const named = (name: string, fields: object, more: object = {}) => ({
      ...extension(faultType, fields),
      name,
      ...more,
    })
    const onRoute = (...listed: object[]) => {
      const said = { two: message(faultType, abortWith(418)) }
      const { table } = managerOf({
        ...withFilters(...listed),
        route_config: tableWith({ ...toApp, typed_per_filter_config: said }),
      })
      return table?.virtualHosts[0]?.routes[0]?.policies.flatMap((policy) =>
        policy.kind === 'fault' ? policy.faults.map(({ abort }) => abort?.status) : [],
      )
    }
    const [one, two] = [named('one', abortWith(500)), named('two', abortWith(503))]
    t.same(onRoute(one, two), [500, 418])
    t.same(onRoute(two, one), [418, 500])
    t.same(onRoute(one, { ...two, disabled: true }), [500, 418])
    t.same(onRoute({ ...one, disabled: true }, two), [418])
    t.same(onRoute(named('one', {}), two), [418])
  },
)

t.test(
  'xds filters: one for routes alone must not be of a kind that stands before them',
  async (t) => {
    const before = extension('envoy.extensions.filters.network.rbac.v3.RBAC', { rules: {} })
    const off = {
      ...extension(`${filters}.rbac.v3.RBAC`, { rules: {} }),
      name: 'x',
      disabled: true,
    }
    t.match(listenerOf(listenerWith(before, manager(withFilters(off)))).said, [
      /^error filter_chains\[0\].filters\[1\].typed_config.http_filters: x: a filter of the connection is of this kind \(rbac\), too \(leave one/,
    ])
  },
)

const uriSan = extension('envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput')
const skip = {
  action: extension('envoy.extensions.filters.common.matcher.action.v3.SkipFilter'),
}
const unless = (value_match: object) => ({
  not_matcher: { single_predicate: { input: uriSan, value_match } },
})
const conditional = (config: object, predicate: object, over: object = {}) =>
  extension('envoy.extensions.common.matching.v3.ExtensionWithMatcher', {
    extension_config: config,
    xds_matcher: { matcher_list: { matchers: [{ predicate, on_match: skip }] }, ...over },
  })
const abort = extension(faultType, { abort: { http_status: 500, percentage: { numerator: 1 } } })

t.test('xds filters: one that is skipped for others is for its callers', async (t) => {
  const peer = {
    uriSans: [{ kind: 'prefix', value: 'spiffe://mesh/', ignoreCase: false }],
    sni: null,
  }
  const { filter, said } = managerOf(
    withFilters(
      conditional(abort, unless({ prefix: 'spiffe://mesh/' })),
      conditional(extension(rateLimitType, bucket(5)), unless({ prefix: 'spiffe://mesh/' })),
    ),
  )
  t.same(said, [])
  t.same(filter.policies, [
    { kind: 'fault', faults: [{ ...none, abort: { status: 500, percent: 1 }, peer }] },
    { kind: 'rate_limit', limits: [limit(5, { peer })] },
  ])
})

t.test('xds filters: one that is skipped for others can be switched off by a route', async (t) => {
  const off = message('envoy.config.route.v3.FilterConfig', { disabled: true })
  const { table, said } = managerOf({
    ...withFilters({ ...conditional(abort, unless({ prefix: 'spiffe://mesh/' })), name: 'some' }),
    route_config: tableWith({ ...toApp, typed_per_filter_config: { some: off } }),
  })
  t.same(said, [])
  t.match(table?.virtualHosts[0]?.routes[0]?.policies, [{ kind: 'fault', faults: [] }, {}])
})

t.test(
  'xds filters: mutations of headers come before those of routes, and of answers after',
  async (t) => {
    const { filter, table, said } = managerOf({
      ...withFilters(
        extension(mutationType, {
          mutations: {
            request_mutations: [
              { remove: 'X-Old' },
              { append: { header: { key: 'x-a', value: '1' } } },
              { append: { header: { key: 'x-b', value: '2' } } },
              { remove: 'x-b' },
            ],
            response_mutations: [
              {
                append: {
                  header: { key: 'x-c', value: '3' },
                  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
                },
              },
            ],
          },
        }),
      ),
      route_config: tableWith({ ...toApp, request_headers_to_remove: ['x-kuma-tags'] }),
    })
    t.same(said, [])
    const changed = {
      kind: 'headers',
      request: { set: [], add: [{ name: 'x-a', value: '1' }], remove: ['x-old', 'x-b'] },
      response: { set: [{ name: 'x-c', value: '3' }], add: [], remove: [] },
    }
    t.same(filter.policies, [changed])
    const own = table?.virtualHosts[0]?.routes[0]?.policies.filter(({ kind }) => kind === 'headers')
    const nothing = { set: [], add: [], remove: [] }
    t.match(own, [
      { ...changed, response: nothing },
      { request: { remove: ['x-kuma-tags'] } },
      { ...changed, request: nothing },
    ])
  },
)

t.test(
  'xds filters: the script of Kuma’s access logs is known, whatever its indentation',
  async (t) => {
    const script = `function envoy_on_request(handle)
    local meta = handle:metadata():get("route_kri")
    if meta ~= nil then
      handle:streamInfo():dynamicMetadata():set("kuma.routes", "route_kri", meta)
    end
  end
`
    const lua = (inline_string: string) =>
      managerOf(withFilters(extension(luaType, { default_source_code: { inline_string } }))).said
    t.same(lua(script), [])
    t.match(lua('function envoy_on_request(handle) end'), [
      /default_source_code: scripts are not run here, but for the one of Kuma’s access logs/,
    ])
  },
)

t.test(
  'xds filters: one that is optional may be unknown, one that is disabled is read',
  async (t) => {
    const compressor = extension(`${filters}.compressor.v3.Compressor`, {
      compressor_library: extension('envoy.extensions.compression.gzip.compressor.v3.Gzip'),
    })
    t.match(managerOf(withFilters({ ...compressor, is_optional: true })).said, [
      /^warning .*http_filters\[0\]: .*Compressor is not supported here; it is optional and left out/,
    ])
    const off = { ...extension(rateLimitType, bucket(5)), disabled: true }
    t.same(managerOf(withFilters(off)).filter.policies, [])
  },
)

t.test('xds filters: what is wrong is told', async (t) => {
  const at = 'http_filters[0].typed_config'
  const limited = (fields: object) => extension(rateLimitType, { ...bucket(5), ...fields })
  const broken = (fields: object) => extension(faultType, fields)
  const dual = {
    or_matcher: {
      predicate: [
        unless({ exact: 'a' }),
        { single_predicate: { input: uriSan, value_match: { exact: 'b' } } },
      ],
    },
  }
  const table: readonly (readonly [object, RegExp | string])[] = [
    [extension(`${filters}.buffer.v3.Buffer`), known],
    [{ name: 'nothing' }, /http_filters\[0\]: an extension without a type is not supported here/],
    [
      { name: 'later', config_discovery: {} },
      /http_filters\[0\]\.config_discovery: is not supported here/,
    ],
    [
      limited({ filter_enabled: { default_value: { numerator: 50 } } }),
      `${at}.filter_enabled: must be 0 or 100 percent, got 50`,
    ],
    [limited({ descriptors: [{}] }), `${at}.descriptors: is not supported here`],
    [broken({ abort: { grpc_status: 1 } }), `${at}.abort.grpc_status: is not supported here`],
    [
      broken({ abort: { http_status: 111 } }),
      `${at}.abort.http_status: must be from 200 to 599, got 111`,
    ],
    [broken({ delay: { percentage: {} } }), `${at}.delay.fixed_delay: must be more than 0`],
    [
      broken({ response_rate_limit: { fixed_limit: {} } }),
      `${at}.response_rate_limit.fixed_limit: must have a limit_kbps of at least 1`,
    ],
    [
      extension(mutationType, { mutations: { request_mutations: [{}] } }),
      `${at}.mutations.request_mutations[0]: must have remove or append`,
    ],
    [
      conditional(abort, dual),
      `${at}.xds_matcher: keeps the filter for more than one sort of callers (a filter is skipped for callers who are not one sort: not (name matches))`,
    ],
    [
      conditional(abort, unless({ exact: 'a' }), { on_no_match: skip }),
      `${at}.xds_matcher.on_no_match: would skip the filter for everyone`,
    ],
    [
      conditional(extension(`${filters}.rbac.v3.RBAC`, { rules: {} }), unless({ exact: 'a' })),
      `${at}.extension_config.typed_config: cannot be skipped for some callers here`,
    ],
    [
      extension('envoy.extensions.common.matching.v3.ExtensionWithMatcher'),
      `${at}: must have an extension_config and an xds_matcher`,
    ],
  ]
  for (const [filter, expected] of table) {
    const [line = ''] = listenerOf(listenerWith(manager(withFilters(filter)))).said
    if (typeof expected === 'string') {
      t.equal(line, `error filter_chains[0].filters[0].typed_config.${expected}`)
    } else t.match(line, expected)
  }
})

const perRoute = (config: object, listed: object, over: object = {}) =>
  managerOf({
    ...withFilters(listed),
    route_config: tableWith({ ...toApp, typed_per_filter_config: { mine: config } }),
    ...over,
  })
const routePolicies = ({ table }: ReturnType<typeof managerOf>) =>
  table?.virtualHosts[0]?.routes[0]?.policies.filter(({ kind }) => kind !== 'timeout')

t.test('xds filters: a route has settings of its own for a filter that is there', async (t) => {
  const listed = { ...extension(rateLimitType), name: 'mine' }
  const config = message(rateLimitType, bucket(7))
  t.same(routePolicies(perRoute(config, listed)), [{ kind: 'rate_limit', limits: [limit(7)] }])
  t.same(routePolicies(perRoute(config, { ...listed, name: 'other' })), [])
  const wrapped = message('envoy.config.route.v3.FilterConfig', { config })
  t.same(routePolicies(perRoute(wrapped, listed)), [{ kind: 'rate_limit', limits: [limit(7)] }])
  const off = message('envoy.config.route.v3.FilterConfig', { disabled: true })
  t.same(routePolicies(perRoute(off, listed)), [{ kind: 'rate_limit', limits: [] }])
  const on = message('envoy.config.route.v3.FilterConfig')
  const waiting = { ...extension(`${filters}.rbac.v3.RBAC`, { rules: {} }), name: 'mine' }
  const refusal = { kind: 'rbac', rules: [], plaintext: 'deny' }
  t.same(routePolicies(perRoute(on, { ...waiting, disabled: true })), [refusal])
  t.same(routePolicies(perRoute(on, waiting)), [])
  t.same(routePolicies(perRoute(message(faultType), { ...abort, name: 'mine' })), [
    { kind: 'fault', faults: [] },
  ])
  const rbac = { ...extension(`${filters}.rbac.v3.RBAC`, { rules: {} }), name: 'mine' }
  t.match(routePolicies(perRoute(message(`${filters}.rbac.v3.RBACPerRoute`), rbac)), [
    { kind: 'rbac', plaintext: 'allow' },
  ])
})

t.test(
  'xds filters: settings that would be shared by routes, or are unknown, are refused',
  async (t) => {
    const listed = { ...extension(rateLimitType), name: 'mine' }
    const config = message(rateLimitType, bucket(7))
    const shared = {
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [toApp],
            typed_per_filter_config: { mine: config },
          },
        ],
      },
    }
    t.match(perRoute({}, listed, shared).said, [
      /virtual_hosts\[0\]\.typed_per_filter_config\[mine\]: is one bucket for several routes, which is not supported here/,
    ])
    const on = message('envoy.config.route.v3.FilterConfig')
    const off = { ...extension(rateLimitType, bucket(7)), name: 'mine', disabled: true }
    t.match(perRoute(on, off).said, [
      /is one bucket for several routes, which is not supported here/,
    ])
    const cors = message(`${filters}.cors.v3.CorsPolicy`)
    t.match(perRoute(cors, listed).said, [
      /typed_per_filter_config\[mine\]: .*CorsPolicy is not supported here \(known: /,
    ])
    const optional = message('envoy.config.route.v3.FilterConfig', {
      config: cors,
      is_optional: true,
    })
    t.match(perRoute(optional, listed).said, [
      /^warning .*typed_per_filter_config\[mine\]\.config: .*CorsPolicy is not supported here; it is optional and left out/,
    ])
  },
)
