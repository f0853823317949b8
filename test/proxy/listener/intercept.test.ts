import t from 'tap'
import { inspectHttp } from '../../../proxy/listener/http-inspector.ts'
import type { ChainMatch } from '../../../proxy/model/listener.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import { emptySnapshot } from '../../../proxy/model/snapshot.ts'
import { greeter, inheriting, port, saysFrom } from '../../support/intercept.ts'
import { runProxy } from '../../support/proxy.ts'
import { chain, cluster, endpoints, listener, tcpFilter } from '../../support/snapshot.ts'

/** Every address of 127.0.0.0/8 is ours, so what a socket on all of them is asked for stands in its local address. */
const everywhere = { address: '0.0.0.0', intercepts: true } as const

const match = (over: Partial<ChainMatch>): ChainMatch => ({
  transport: 'any',
  serverNames: [],
  alpn: [],
  destinations: [],
  destinationPorts: [],
  ...over,
})
const to = (name: string) => tcpFilter({ clusters: [{ cluster: name, weight: 1, policies: [] }] })
const named = (names: readonly string[], ports: readonly number[]): Partial<Snapshot> => ({
  clusters: names.map((name) => cluster({ name, protocol: 'tcp' })),
  endpoints: names.map((name, index) => endpoints(name, ports[index] ?? 0)),
})

t.test(
  'intercept: a connection for a virtual listener is that one’s, others are its own',
  async (t) => {
    const [a, b] = [await greeter(t, 'virtual'), await greeter(t, 'rest')]
    const own = listener({
      ...everywhere,
      name: 'out',
      filterChains: [chain({ filter: to('rest') })],
    })
    const shape = { ...emptySnapshot, ...named(['virtual', 'rest'], [a, b]) }
    const running = await runProxy(t, { ...shape, listeners: [own] })
    const bound = port(running, 'out')
    const virtual = listener({
      name: 'vip',
      address: '127.0.0.5',
      port: bound,
      socket: { kind: 'virtual' },
      filterChains: [chain({ filter: to('virtual') })],
    })
    await running.proxy.apply({ ...shape, listeners: [own, virtual] })
    t.equal(await saysFrom('127.0.0.5', bound), 'virtual')
    t.equal(await saysFrom('127.0.0.6', bound), 'rest')
    await running.proxy.apply({
      ...shape,
      listeners: [own, { ...virtual, address: '0.0.0.0' }],
    })
    t.equal(await saysFrom('127.0.0.6', bound), 'virtual', 'every address of that port')
    await running.proxy.apply({ ...shape, listeners: [own] })
    t.equal(await saysFrom('127.0.0.5', bound), 'rest', 'gone with its configuration')
  },
)

t.test('intercept: chains are chosen by the address and port that were asked for', async (t) => {
  const [a, b] = [await greeter(t, 'net'), await greeter(t, 'host')]
  const chains = [
    chain({ name: 'host', match: match({ destinations: ['127.0.0.7'] }), filter: to('host') }),
    chain({ name: 'port', match: match({ destinationPorts: [1] }), filter: to('host') }),
    chain({ name: 'net', match: match({ destinations: ['127.1.0.0/16'] }), filter: to('net') }),
  ]
  const running = await runProxy(t, {
    ...emptySnapshot,
    ...named(['net', 'host'], [a, b]),
    listeners: [listener({ ...everywhere, name: 'out', filterChains: chains })],
  })
  const bound = port(running, 'out')
  t.equal(await saysFrom('127.0.0.7', bound), 'host')
  t.equal(await saysFrom('127.1.2.3', bound), 'net')
  t.equal(await saysFrom('127.2.0.1', bound), '', 'nobody takes it')
})

t.test(
  'intercept: a chain for the port, then the longest network, and no less particular one',
  async (t) => {
    const [a, b, c] = [
      await greeter(t, 'wide'),
      await greeter(t, 'narrow'),
      await greeter(t, 'any'),
    ]
    const chains = (bound: number) => [
      chain({ name: 'any', filter: to('any') }),
      chain({ name: 'wide', match: match({ destinations: ['127.0.0.0/8'] }), filter: to('wide') }),
      chain({
        name: 'narrow',
        match: match({ destinations: ['127.0.0.0/8', '127.3.0.0/16'] }),
        filter: to('narrow'),
      }),
      chain({
        name: 'port',
        match: match({ destinations: ['127.4.0.0/16'], destinationPorts: [bound] }),
        filter: to('narrow'),
      }),
    ]
    const snapshot = (bound: number) => ({
      ...emptySnapshot,
      ...named(['wide', 'narrow', 'any'], [a, b, c]),
      listeners: [listener({ ...everywhere, name: 'out', filterChains: chains(bound) })],
    })
    const running = await runProxy(t, snapshot(1))
    const bound = port(running, 'out')
    t.equal(await saysFrom('127.3.0.1', bound), 'narrow')
    t.equal(await saysFrom('127.2.0.1', bound), 'wide', 'of two as long the first')
    await running.proxy.apply(snapshot(bound))
    t.equal(await saysFrom('127.4.0.1', bound), 'narrow')
    t.equal(await saysFrom('127.2.0.1', bound), '', 'a chain for the port is the only choice')
  },
)

t.test('intercept: a connection made to our own socket is not sent on to itself', async (t) => {
  const running = await runProxy(t, {
    ...emptySnapshot,
    clusters: [cluster({ name: 'through', discovery: 'original', protocol: 'tcp' })],
    listeners: [
      listener({ ...everywhere, name: 'out', filterChains: [chain({ filter: to('through') })] }),
    ],
  })
  t.equal(await saysFrom('127.0.0.1', port(running, 'out')), '')
  const [stats] = running.proxy
    .stats()
    .filter(({ scope, name }) => scope === 'tcp' && name === 'in')
  t.equal(stats?.reasons.get('UH'), 1)
})

t.test('intercept: an inherited socket is listened on', async (t) => {
  const at = await inheriting(t, await greeter(t, 'hello'))
  t.equal(await saysFrom('127.0.0.1', at), 'hello')
})

t.test('intercept: a socket that was not inherited is a failure with its name', async (t) => {
  const running = await runProxy(t, emptySnapshot)
  const lost = listener({ name: 'out', socket: { kind: 'inherited', name: 'outbound' } })
  const failures = await running.proxy.apply({
    ...emptySnapshot,
    ...named(['app'], [1]),
    listeners: [{ ...lost, filterChains: [chain({ filter: to('app') })] }],
  })
  const message = /without a socket named outbound/
  t.match(failures, [{ resource: 'listener out', message, code: 'EBADF' }])
})

t.test(
  'intercept: plaintext is looked into where a chain asks for a version of HTTP',
  async (t) => {
    const [a, b] = [await greeter(t, 'http'), await greeter(t, 'other')]
    const chains = [
      chain({
        name: 'http',
        match: match({ transport: 'raw', alpn: ['http/1.1'] }),
        filter: to('http'),
      }),
      chain({ name: 'other', match: match({ transport: 'raw' }), filter: to('other') }),
    ]
    const running = await runProxy(t, {
      ...emptySnapshot,
      ...named(['http', 'other'], [a, b]),
      listeners: [listener({ name: 'out', filterChains: chains })],
    })
    const bound = port(running, 'out')
    t.equal(await saysFrom('127.0.0.1', bound, 'GET / HTTP/1.1\r\n\r\n'), 'http')
    t.equal(await saysFrom('127.0.0.1', bound, 'HELO there\r\n'), 'other')
  },
)

const spoken: readonly (readonly [string, readonly string[] | null])[] = [
  ['', null],
  ['GE', null],
  ['GET /', null],
  ['GET / HTTP/1.1\r\n', ['http/1.1']],
  ['GET / HTTP/1.0\n', ['http/1.0']],
  ['GET / HTTP/2.0\r\n', []],
  ['PRI * HTTP', null],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ['h2c']],
  ['\x00\x01', []],
  ['get / HTTP/1.1\r\n', []],
  ['A'.repeat(30), []],
  [`GET /${'a'.repeat(9_000)}`, []],
]
for (const [text, wanted] of spoken) {
  t.test(`http inspector: ${JSON.stringify(text.slice(0, 30))}`, async (t) => {
    t.same(inspectHttp(Buffer.from(text)), wanted)
  })
}
