import t from 'tap'
import { extension, listenerOf, manager } from '../../support/listeners.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import { endpoints, snapshot } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

interface Test {
  teardown(run: () => unknown): void
}

const range = (address_prefix: string, prefix_len: number) => ({ address_prefix, prefix_len })
const path = (match: object) => ({ url_path: { path: match } })
const rules = (action: string, permission: object, principal: object = { any: true }) =>
  extension('envoy.extensions.filters.http.rbac.v3.RBAC', {
    rules: {
      action,
      policies: { one: { permissions: [permission], principals: [principal] } },
    },
  })

/** The statuses of requests, each a path and further fields of its head; and what the application saw. */
async function asked(t: Test, filters: object[], options: object, heads: readonly string[]) {
  const { value, said } = listenerOf({
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [
      { filters: [manager({ http_filters: [...filters, extension('router')], ...options })] },
    ],
  })
  if (value.listener === null) throw new Error(said.join('; '))
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const proxy = await runProxy(
    t,
    snapshot({
      listeners: [value.listener],
      routeTables: value.routeTables,
      endpoints: [endpoints('app', app.port)],
    }),
  )
  const client = await rawClient(t, proxy.port())
  const statuses = (text: string) =>
    [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => code)
  for (const [index, head] of heads.entries()) {
    const [target, ...fields] = head.split('|')
    client.write(`GET ${target} HTTP/1.1\r\n${['Host: a.test', ...fields].join('\r\n')}\r\n\r\n`)
    await client.until((text) => statuses(text).length > index)
  }
  return { statuses: statuses(client.text()), heads: app.heads }
}

t.test('xds permissions: paths are judged as the application sees them', async (t) => {
  const paths = [
    '/admin',
    '/admin?x',
    '/x/../admin',
    '/x/%2e%2e/admin',
    '/%61dmin',
    '/admins?/admin',
  ]
  const filters = [rules('DENY', path({ exact: '/admin' }))]
  const normal = await asked(t, filters, { normalize_path: true }, paths)
  t.same(normal.statuses, ['403', '403', '403', '403', '403', '200'])
  const plain = await asked(t, filters, {}, paths)
  t.same(plain.statuses, ['403', '403', '200', '200', '200', '200'])
  t.match(plain.heads[0], /^GET \/x\/\.\.\/admin HTTP/)
})

t.test('xds permissions: a denial and a permission, one after the other', async (t) => {
  const filters = [
    rules('DENY', { header: { name: 'x-bad', present_match: true } }),
    rules('ALLOW', path({ prefix: '/api/' }), { direct_remote_ip: range('127.0.0.0', 8) }),
  ]
  const heads = ['/api/x', '/api/x|X-Bad:', '/x', '/api/../x', '/api/x|x-good: 1']
  const { statuses } = await asked(t, filters, { normalize_path: true }, heads)
  t.same(statuses, ['200', '403', '403', '403', '200'])
})

t.test('xds permissions: who asked first, as far as hops are trusted', async (t) => {
  const filters = [rules('ALLOW', { any: true }, { remote_ip: range('10.0.0.0', 8) })]
  const heads = [
    '/',
    '/|X-Forwarded-For: 10.0.0.1',
    '/|X-Forwarded-For: 10.0.0.1, 8.8.8.8',
    '/|X-Forwarded-For: 8.8.8.8|X-Forwarded-For: 10.0.0.1',
    '/|X-Forwarded-For: 10.0.0.x',
  ]
  const verdicts = async (options: object) => (await asked(t, filters, options, heads)).statuses
  t.same(await verdicts({}), ['403', '200', '403', '200', '403'])
  t.same(await verdicts({ xff_num_trusted_hops: 1 }), ['403', '403', '200', '403', '403'])
  t.same(await verdicts({ use_remote_address: true }), ['403', '403', '403', '403', '403'])
  const edge = { use_remote_address: true, xff_num_trusted_hops: 1 }
  t.same(await verdicts(edge), ['403', '200', '403', '200', '403'])
})
