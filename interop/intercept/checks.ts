import { addresses, type Side } from './network.ts'
import { farPorts, nearPorts, passthrough, virtual } from './resources.ts'

/** Somebody calls, and hears something. */
export interface Check {
  readonly name: string
  /** MeshPassthrough from now on, as a document. Left out: what held before. */
  readonly policy?: string
  /** Where the caller is. */
  readonly at: Side
  /** Arguments of `peer.ts`. */
  readonly calls: readonly string[]
  /** What it prints begins with this; 0 is no answer. */
  readonly hears: string
}

const { near, far } = addresses

const ask = (host: string, port: number, name = ''): Check['calls'] => [
  'ask',
  host,
  String(port),
  name,
]
const shake = (name: string): Check['calls'] => ['shake', far.ipv4, String(farPorts.secret), name]
const listen = ['listen', far.ipv4, String(farPorts.greeter)]
const out = { at: 'near' } as const
const into = { at: 'far' } as const
const matched = (...matches: readonly string[]): string =>
  passthrough(`{appendMatch: [${matches.join(', ')}]}`)

const backend = '200 backend called through the mesh'
const outside = '200 outside called directly'

/** In order. Without the first nothing works at all. */
export const checks: readonly Check[] = [
  { name: 'virtual address', ...out, calls: ask(virtual.ipv4, 80), hears: backend },
  { name: 'virtual address, IPv6', ...out, calls: ask(virtual.ipv6, 80), hears: backend },
  { name: 'by name', ...out, calls: ask('backend.svc.mesh.local', 80), hears: backend },
  { name: 'passes', ...out, calls: ask(far.ipv4, farPorts.outside), hears: outside },
  { name: 'passes, IPv6', ...out, calls: ask(far.ipv6, farPorts.outside), hears: outside },
  { name: 'nobody there', ...out, calls: ask(far.ipv4, farPorts.nobody), hears: '0 ' },
  {
    name: 'None',
    policy: passthrough('{passthroughMode: None}'),
    ...out,
    calls: ask(far.ipv4, farPorts.outside),
    hears: '0 ',
  },
  { name: '  the mesh is there', ...out, calls: ask(virtual.ipv4, 80), hears: backend },
  {
    name: 'Matched, IP and port',
    policy: matched(`{type: IP, value: ${far.ipv4}, port: ${farPorts.outside}}`),
    ...out,
    calls: ask(far.ipv4, farPorts.outside),
    hears: outside,
  },
  { name: '  another port', ...out, calls: ask(far.ipv4, farPorts.other), hears: '0 ' },
  { name: '  another address', ...out, calls: ask(far.ipv6, farPorts.outside), hears: '0 ' },
  {
    name: 'Matched, CIDR',
    policy: matched("{type: CIDR, value: 'fd99::/64'}"),
    ...out,
    calls: ask(far.ipv6, farPorts.other),
    hears: '200 other called directly',
  },
  { name: '  outside of it', ...out, calls: ask(far.ipv4, farPorts.other), hears: '0 ' },
  {
    name: 'Matched, Host',
    policy: matched(
      `{type: Domain, value: '*.shop.test', protocol: http, port: ${farPorts.outside}}`,
    ),
    ...out,
    calls: ask(far.ipv4, farPorts.outside, 'a.shop.test'),
    hears: '200 outside called through',
  },
  {
    name: '  another host',
    ...out,
    calls: ask(far.ipv4, farPorts.outside, 'bank.test'),
    hears: '503 This response comes',
  },
  {
    name: 'Matched, server name',
    policy: matched('{type: Domain, value: shop.test, protocol: tls}'),
    ...out,
    calls: shake('shop.test'),
    hears: `200 secret shook hands with ${near.ipv4}`,
  },
  { name: '  another name', ...out, calls: shake('bank.test'), hears: '0 ' },
  {
    name: 'Matched, mysql',
    policy: matched(`{type: IP, value: ${far.ipv4}, port: ${farPorts.greeter}, protocol: mysql}`),
    ...out,
    calls: listen,
    hears: `200 greeter greets ${near.ipv4}`,
  },
  {
    name: 'All',
    policy: passthrough('{passthroughMode: All}'),
    ...out,
    calls: ask(far.ipv4, farPorts.other),
    hears: '200 other called directly',
  },
  {
    name: 'inbound',
    ...into,
    calls: ask(near.ipv4, nearPorts.web),
    hears: '200 web called through the mesh from 127.0.0.6',
  },
  {
    name: 'inbound, other port',
    ...into,
    calls: ask(near.ipv4, nearPorts.other),
    hears: '200 other called directly from 127.0.0.6',
  },
  {
    name: 'inbound, IPv6',
    ...into,
    calls: ask(near.ipv6, nearPorts.other),
    hears: '200 other called directly from ::6',
  },
]
