import { apps, cluster, extension, listener, routes, to } from '../bootstrap.ts'
import { type Case, type Exchange, otherWords, ownWords } from '../case.ts'

/** What may be sent, and how it is read. */

/** What is asked in bytes is answered with a head that differs in its words; what counts is this. */
const statusLines = (exchanges: readonly Exchange[]): unknown =>
  exchanges.map(({ answers, arrivals }) => ({
    status: answers.map(({ body }) => /^HTTP\/1\.\d (\d+)/.exec(body)?.[1] ?? body),
    arrivals: arrivals.map(({ method, path, body }) => ({ method, path, body })),
  }))

const bytes = (...lines: readonly string[]) =>
  ({ by: 'tcp', body: `${lines.join('\r\n')}` }) as const

export const connections: readonly Case[] = [
  {
    name: 'TCP',
    config: (at) => ({
      listeners: [
        listener(at, [
          {
            filters: [
              extension('filters.network.tcp_proxy.v3.TcpProxy', {
                stat_prefix: 't',
                cluster: 'a',
              }),
            ],
          },
        ]),
      ],
      clusters: apps(at),
    }),
    asks: [bytes('GET /x HTTP/1.1', 'host: x', 'connection: close', '', '')],
    compared: statusLines,
  },
  {
    name: 'TCP: refused',
    config: (at) => ({
      listeners: [
        listener(at, [
          {
            filters: [
              extension('filters.network.tcp_proxy.v3.TcpProxy', {
                stat_prefix: 't',
                cluster: 'n',
              }),
            ],
          },
        ]),
      ],
      clusters: [cluster('n', [at.nobody])],
    }),
    asks: [bytes('hello')],
    compared: (exchanges) => exchanges.map(({ closed }) => closed),
  },
  {
    name: 'HTTP/2 downstream',
    config: routes([to('a', '/a')]),
    asks: [
      { by: 'http2', path: '/a' },
      { by: 'http2', path: '/a', method: 'POST', body: 'some' },
      { by: 'http2', path: '/none' },
      { by: 'http2', path: '/none', headers: { 'content-type': 'application/grpc' } },
      { by: 'http2', path: '/a', headers: { 'x-do': 'bytes 100000' } },
    ],
    differs: {
      ...ownWords,
      '3.answers.0.headers.grpc-message': 'Outrider says in a line of text why it answers itself',
    },
  },
  {
    name: 'HTTP/1.1: strange requests',
    config: routes([to('a')]),
    asks: [
      bytes('GET / HTTP/1.1', 'host: x', 'host: y', '', ''),
      bytes('GET / HTTP/1.1', '', ''),
      bytes('GET / HTTP/1.0', '', ''),
      bytes('GET / HTTP/1.0', 'host: x', '', ''),
      bytes('GET http://x.test/abs?q HTTP/1.1', 'host: y', '', ''),
      bytes('OPTIONS * HTTP/1.1', 'host: x', '', ''),
      bytes('GET x HTTP/1.1', 'host: x', '', ''),
      bytes('POST / HTTP/1.1', 'host: x', 'content-length: 1', 'content-length: 1', '', 'x'),
      bytes('POST / HTTP/1.1', 'host: x', 'content-length: 1', 'content-length: 2', '', 'x'),
      bytes('POST / HTTP/1.1', 'host: x', 'content-length: +1', '', 'x'),
      bytes(
        'POST / HTTP/1.1',
        'host: x',
        'content-length: 1',
        'transfer-encoding: chunked',
        '',
        '0',
        '',
        '',
      ),
      bytes('POST / HTTP/1.1', 'host: x', 'transfer-encoding: chunked', '', '1', 'x', '0', '', ''),
      bytes('POST / HTTP/1.1', 'host: x', 'transfer-encoding: gzip, chunked', '', '0', '', ''),
      bytes('POST / HTTP/1.1', 'host: x', 'transfer-encoding: identity', '', ''),
      bytes('POST / HTTP/1.1', 'host: x', 'transfer-encoding: chunked', '', 'z', '', ''),
      bytes('GET / HTTP/1.1', 'host: x', 'bad name: 1', '', ''),
      bytes('GET / HTTP/1.1', 'host: x', 'x-name : 1', '', ''),
      bytes('GET / HTTP/1.1', 'host: x', 'x-name: a', ' b', '', ''),
      bytes('GET / HTTP/1.1', 'host: x', 'x-name: a\0b', '', ''),
      bytes('GET / HTTP/1.1', 'host: x/y', '', ''),
      bytes('GET / HTTP/2.0', 'host: x', '', ''),
      bytes('GET  / HTTP/1.1', 'host: x', '', ''),
      bytes('CONNECT x:1 HTTP/1.1', 'host: x:1', '', ''),
      bytes('GE(T / HTTP/1.1', 'host: x', '', ''),
      bytes('FOO / HTTP/1.1', 'host: x', '', ''),
      bytes('GET / HTTP/1.1', 'host: x', 'expect: 100-continue', '', ''),
      bytes('GET / HTTP/1.1', 'host: x', 'upgrade: h2c', 'connection: upgrade', '', ''),
    ],
    compared: statusLines,
    differs: {
      '0': 'two hosts are one too many (RFC 9112 §3.2)',
      '2': 'HTTP/1.0 is answered',
      '3': 'HTTP/1.0 is answered',
      '5': 'a route for everything is for OPTIONS *, too',
      '17': 'a folded line is refused (RFC 9112 §5.2)',
      '20': 'a version that is not there gets 505 (RFC 9110 §15.6.6)',
      '21': 'one space stands between the parts of the first line (RFC 9112 §3)',
      '22': 'a route for everything is for CONNECT, too; the application does not take it',
    },
  },
  {
    name: 'limits: heads',
    config: routes([to('a')]),
    asks: [50_000, 70_000].map((length) => ({ headers: { 'x-long': 'x'.repeat(length) } })),
    differs: otherWords,
  },
  {
    name: 'limits: heads of 1 KiB',
    config: routes([to('a')], { max_request_headers_kb: 1 }),
    asks: [500, 1500].map((length) => ({ headers: { 'x-long': 'x'.repeat(length) } })),
    differs: otherWords,
  },
  {
    name: 'limits: number of fields',
    config: routes([to('a')]),
    asks: [90, 101].map((count) => ({
      headers: Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, '1'])),
    })),
    differs: otherWords,
  },
  {
    name: 'bodies',
    config: routes([to('a')]),
    asks: [
      { method: 'POST', body: 'x'.repeat(300_000), headers: { 'x-do': 'bytes 300000' } },
      { method: 'PUT', body: '' },
      { method: 'DELETE', body: 'some' },
    ],
  },
]
