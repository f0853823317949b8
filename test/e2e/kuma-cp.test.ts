import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askByUdp, dnsQuery } from '../support/dns.ts'
import { freePorts } from '../support/free-ports.ts'
import {
  type BootstrapOver,
  giveBootstrap,
  kumaBootstrap,
  plainBootstrapServer,
} from '../support/kuma-cp.ts'
import { startOutrider } from '../support/outrider.ts'
import { type XdsResources, xdsServer } from '../support/xds-server.ts'

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = `${part({ alg: 'RS256' })}.${part({ Name: 'web-1' })}.c2ln`
const any = (type: string): string => `type.googleapis.com/${type}`

const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

/** What a control plane gives to a proxy with one inbound, as far as traffic needs it. */
const inbound = (port: number, app: number): XdsResources => ({
  clusters: {
    self: {
      name: 'self',
      type: 'STATIC',
      load_assignment: {
        cluster_name: 'self',
        endpoints: [{ lb_endpoints: [{ endpoint: { address: at(app) } }] }],
      },
    },
  },
  listeners: {
    inbound: {
      name: 'inbound',
      address: at(port),
      traffic_direction: 'INBOUND',
      filter_chains: chainsTo({ match: { prefix: '/' }, route: { cluster: 'self' } }),
    },
  },
})

const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

/** One chain, one route. */
const chainsTo = (route: object) => [
  {
    filters: [
      {
        name: 'envoy.filters.network.http_connection_manager',
        typed_config: {
          '@type': any(manager),
          stat_prefix: 'one',
          route_config: {
            name: 'one',
            virtual_hosts: [{ name: 'one', domains: ['*'], routes: [route] }],
          },
          http_filters: [
            {
              name: 'envoy.filters.http.router',
              typed_config: { '@type': any('envoy.extensions.filters.http.router.v3.Router') },
            },
          ],
        },
      },
    ],
  },
]

/** What Kuma says to its agent of names. */
const names = (record: object): XdsResources => {
  const body = { inline_string: JSON.stringify({ records: [record], ttl: 30, extraLabels: {} }) }
  const route = { match: { path: '/dns' }, direct_response: { status: 200, body } }
  const system_dynamicconfig = {
    name: 'system_dynamicconfig',
    address: { pipe: { path: '/tmp/outrider/kuma-mesh-metric-config.sock' } },
    filter_chains: chainsTo(route),
  }
  return { clusters: {}, listeners: { system_dynamicconfig } }
}

async function startApp(t: Test): Promise<number> {
  const app = createServer((_request, response) => response.end('hello'))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    app.closeAllConnections()
    return new Promise<void>((resolve) => void app.close(() => resolve()))
  })
  return (app.address() as AddressInfo).port
}

t.test('kuma-cp: a command line of kuma-dp brings a sidecar up', async (t) => {
  const [port = 0] = await freePorts(1)
  const plane = await xdsServer(t, inbound(port, await startApp(t)))
  const over: BootstrapOver = { host: '127.0.0.1', port: plane.port, tls: false, hds: false }
  const server = await plainBootstrapServer(t, giveBootstrap(kumaBootstrap(over)))
  const dir = t.testdir()
  writeFileSync(
    join(dir, 'dp.yaml'),
    'type: Dataplane\nname: {{ name }}\nnetworking: { address: 127.0.0.1 }',
  )
  writeFileSync(join(dir, 'token'), token)
  const outrider = startOutrider(t, [
    'run',
    ...['--cp-address', server.url, '--dataplane-file', join(dir, 'dp.yaml')],
    ...['--dataplane-var', 'name=web-1', '--dataplane-token-file', join(dir, 'token')],
    ...['--admin', '127.0.0.1:0', '--drain-time', '0s', '--binary-path', '/usr/bin/envoy'],
  ])
  await outrider.logged('serving')
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  t.equal(await answer.text(), 'hello')
  const asked = await plane.request(({ node }) => node !== undefined)
  t.match(asked.node, { id: 'default.web-1', cluster: 'web' })
  t.match(server.requests[0]?.body, { name: 'web-1', dataplaneToken: token })
  outrider.kill('SIGTERM')
  t.equal(await outrider.exit, 0)
  t.notMatch(outrider.err(), token)
})

t.test('kuma-cp: names are answered where it gives some', async (t) => {
  const [dns = 0, admin = 0] = await freePorts(2)
  const record = { name: 'backend.svc.mesh.local', ips: ['241.0.0.5', '::ffff:f100:5'] }
  const plane = await xdsServer(t, names(record))
  const over: BootstrapOver = { host: '127.0.0.1', port: plane.port, tls: false, hds: false }
  const server = await plainBootstrapServer(t, giveBootstrap(kumaBootstrap(over)))
  const outrider = startOutrider(t, [
    'run',
    ...['--cp-address', server.url, '--name', 'web-1', '--dns-proxy-port', String(dns)],
    ...['--admin', `127.0.0.1:${admin}`, '--drain-time', '0s'],
  ])
  await outrider.logged('DNS proxy listens')
  t.match(server.requests[0]?.body, { dnsPort: dns, features: /feature-embedded-dns/ })
  const asked = await plane.request(({ node }) => node !== undefined)
  t.match(asked.node, { metadata: { 'dataplane.dns.port': String(dns) } })
  const answer = await askByUdp(t, dns, dnsQuery({ name: record.name }))
  t.same([...answer.subarray(-4)], [241, 0, 0, 5])
  plane.set(names({ ...record, ips: ['241.0.0.6'] }))
  let newer = answer
  while (newer.at(-1) !== 6) newer = await askByUdp(t, dns, dnsQuery({ name: record.name }))
  t.same([...newer.subarray(-4)], [241, 0, 0, 6])
  const page = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  t.match(page, /^outrider_dns_names 1$/m)
  outrider.kill('SIGTERM')
  t.equal(await outrider.exit, 0)
})

t.test('kuma-cp: who is refused ends with code 1 and the words of the control plane', async (t) => {
  const server = await plainBootstrapServer(t, { status: 422, body: 'mesh "shop" does not exist' })
  const outrider = startOutrider(t, [
    'run',
    ...['--cp-address', server.url, '--mesh', 'shop', '--name', 'web-1', '--admin', '127.0.0.1:0'],
  ])
  t.equal(await outrider.exit, 1)
  t.match(outrider.err(), 'mesh \\"shop\\" does not exist')
})

t.test('kuma-cp: who is not reached in time ends with code 1, too', async (t) => {
  const server = await plainBootstrapServer(t, { status: 404, body: '' })
  const outrider = startOutrider(t, [
    'run',
    ...['--cp-address', server.url, '--name', 'web-1', '--admin', '127.0.0.1:0'],
    ...['--cp-retry', '10ms', '--cp-retry-at-most', '50ms'],
  ])
  t.equal(await outrider.exit, 1)
  t.match(outrider.err(), 'not known to the control plane')
})
