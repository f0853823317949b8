import t from 'tap'
import type { Raw } from '../../../../proxy/problems.ts'
import {
  extension,
  listenerOf,
  listenerWith,
  manager,
  managerOf,
  message,
  toApp,
} from '../../../support/listeners.ts'
import { ok, origin } from '../../../support/origin.ts'
import { runProxy } from '../../../support/proxy.ts'
import { endpoints, snapshot } from '../../../support/snapshot.ts'
import { rawClient } from '../../../support/sockets.ts'

const filters = 'envoy.extensions.filters.http'
const filter = { ...extension(`${filters}.cors.v3.Cors`), name: 'cors' }
const rbac = extension(`${filters}.rbac.v3.RBAC`, { rules: {} })
const policy = (fields: object = {}) => message(`${filters}.cors.v3.CorsPolicy`, fields)
const filterConfig = (fields: object) => message('envoy.config.route.v3.FilterConfig', fields)
const says = (config: Raw, name = 'cors') => ({ typed_per_filter_config: { [name]: config } })
const from = (exact: string) => ({ allow_origin_string_match: [{ exact }] })
const share = (numerator: number) => ({ default_value: { numerator } })

interface Levels {
  readonly route?: object
  readonly host?: object
  readonly table?: object
  readonly listed?: readonly object[]
}

const fieldsOf = ({ route = {}, host = {}, table = {}, listed = [filter] }: Levels) => ({
  http_filters: [...listed, extension('router')],
  route_config: {
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ ...toApp, ...route }], ...host }],
    ...table,
  },
})

function made(levels: Levels) {
  const { filter: http, table, said } = managerOf(fieldsOf(levels))
  const policies = table?.virtualHosts[0]?.routes[0]?.policies ?? []
  return { http, said, cors: policies.find(({ kind }) => kind === 'cors') ?? null }
}

const nothing = {
  kind: 'cors',
  origins: [],
  methods: '',
  headers: '',
  exposed: '',
  maxAge: '',
  credentials: false,
  privateNetwork: false,
  forwardOthers: true,
  percent: 100,
  shadowPercent: 0,
}
const exactly = (value: string) => [{ kind: 'exact', value, ignoreCase: false }]

const everything = {
  ...from('https://a'),
  allow_methods: 'GET',
  allow_headers: 'x-a',
  expose_headers: 'x-b',
  max_age: '5',
  allow_credentials: true,
  allow_private_network_access: true,
  forward_not_matching_preflights: false,
  filter_enabled: share(50),
  shadow_enabled: share(25),
}
const all = {
  kind: 'cors',
  origins: exactly('https://a'),
  methods: 'GET',
  headers: 'x-a',
  exposed: 'x-b',
  maxAge: '5',
  credentials: true,
  privateNetwork: true,
  forwardOthers: false,
  percent: 50,
  shadowPercent: 25,
}

t.test('xds cors: the filter alone does nothing, and keeps its place', async (t) => {
  const { http, said, cors } = made({ listed: [filter, rbac] })
  t.same(said, [])
  t.match(http.policies, [{ kind: 'cors', percent: 0, shadowPercent: 0 }, { kind: 'rbac' }])
  t.equal(cors, null)
})

t.test('xds cors: what levels say becomes one policy, field by field', async (t) => {
  const own = (cors: object) => ({ route: { cluster: 'app', cors } })
  const off = { listed: [{ ...filter, disabled: true }] }
  const table: readonly [Levels, object | null][] = [
    [{ route: says(policy(everything)) }, all],
    [{ route: says(filterConfig({ config: policy(everything) })) }, all],
    [{ table: says(policy(everything)) }, all],
    [{ route: says(policy()) }, nothing],
    [
      { route: says(policy({ allow_credentials: false })), host: says(policy(everything)) },
      { ...all, credentials: false, percent: 100, shadowPercent: 0 },
    ],
    [
      {
        route: says(policy(from('https://b'))),
        host: says(policy({ max_age: '1' })),
        table: says(policy({ max_age: '2', allow_methods: 'PUT' })),
      },
      { ...nothing, origins: exactly('https://b'), maxAge: '1', methods: 'PUT' },
    ],
    // Not there, switched off, switched on.
    [{ route: says(policy(everything), 'other') }, null],
    [{ route: says(policy(everything)), listed: [] }, null],
    [{ route: says(filterConfig({ disabled: true })), host: says(policy(everything)) }, null],
    [{ route: says(policy(everything)), ...off }, all],
    // In fields of their own.
    [{ route: own(everything) }, all],
    [{ host: { cors: everything } }, all],
    [
      { route: own({ max_age: '1' }), host: { cors: from('https://b') } },
      { ...nothing, maxAge: '1', origins: exactly('https://b') },
    ],
    [{ route: own({ max_age: '1' }), host: says(policy(everything)) }, all],
    [{ route: own(everything), listed: [] }, null],
    [{ route: own(everything), ...off }, null],
    [{ route: { ...own(everything), ...says(filterConfig({})) }, ...off }, all],
    // Envoy asks where requests are forwarded.
    [{ route: { route: undefined, redirect: {}, ...says(policy(everything)) } }, null],
  ]
  for (const [levels, expected] of table) {
    const { cors, said } = made(levels)
    t.same(said, [])
    t.same(cors, expected, JSON.stringify(levels))
  }
})

t.test('xds cors: what is wrong is refused at its place', async (t) => {
  const at = 'filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]'
  const named = `${at}.routes[0].typed_per_filter_config[cors]`
  const table: readonly [Levels, string | RegExp][] = [
    [
      { route: says(policy({ allow_origin_string_match: [{ safe_regex: { regex: '(' } }] })) },
      /^error .*allow_origin_string_match\[0\]\.safe_regex\.regex: "\(" /,
    ],
    [{ route: says(message(`${filters}.fault.v3.HTTPFault`)) }, /HTTPFault is not supported here/],
    [
      {
        route: says(
          filterConfig({ config: message(`${filters}.fault.v3.HTTPFault`), is_optional: true }),
        ),
      },
      `warning ${named}.config: ${filters}.fault.v3.HTTPFault is not supported here; it is optional and left out`,
    ],
    [
      { host: { cors: { filter_enabled: share(101) } } },
      `error ${at}.cors.filter_enabled.default_value.numerator: must be from 0 to 100 percent, got 101`,
    ],
  ]
  for (const [levels, expected] of table) {
    const [line = ''] = listenerOf(listenerWith(manager(fieldsOf(levels)))).said
    if (typeof expected === 'string') t.equal(line, expected)
    else t.match(line, expected)
  }
})

t.test(
  'xds cors: preflights are answered before permissions, answers have the headers',
  async (t) => {
    const app = await origin(t, ({ socket }) => void socket.write(ok()))
    const run = async (listed: readonly object[]) => {
      const fields = fieldsOf({
        host: says(policy({ ...everything, filter_enabled: share(100) })),
        listed,
      })
      const { value, said } = listenerOf({
        ...listenerWith(manager(fields)),
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
      })
      if (value.listener === null) throw new Error(said.join('; '))
      const proxy = await runProxy(
        t,
        snapshot({
          listeners: [value.listener],
          routeTables: value.routeTables,
          endpoints: [endpoints('app', app.port)],
        }),
      )
      return async (method: string, from: string) => {
        const c = await rawClient(t, proxy.port())
        const asked = 'access-control-request-method: PUT\r\nconnection: close'
        c.write(`${method} / HTTP/1.1\r\nhost: a\r\norigin: ${from}\r\n${asked}\r\n\r\n`)
        return c.closed()
      }
    }
    const open = await run([filter])
    t.match(await open('OPTIONS', 'https://a'), /^HTTP\/1\.1 200.*allow-methods: GET.*\r\n\r\n$/is)
    t.equal(app.heads.length, 0)
    const answer = await open('GET', 'https://a')
    t.match(answer, /access-control-allow-origin: https:\/\/a\r\n/)
    t.match(answer, /access-control-expose-headers: x-b\r\n/)
    t.notMatch(answer, /allow-methods/)
    t.notMatch(await open('GET', 'https://b'), /access-control/)
    const guarded = await run([filter, rbac])
    t.match(await guarded('OPTIONS', 'https://a'), /^HTTP\/1\.1 200/)
    t.match(await guarded('GET', 'https://a'), /^HTTP\/1\.1 403.*allow-origin: https:\/\/a/s)
    const shut = await run([rbac, filter])
    t.match(await shut('OPTIONS', 'https://a'), /^HTTP\/1\.1 403/)
  },
)
