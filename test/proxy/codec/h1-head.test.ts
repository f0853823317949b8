import fc from 'fast-check'
import t from 'tap'
import { bodyToClose, newHead } from '../../../proxy/codec/h1-fields.ts'
import { parseRequestHead, parseResponseHead } from '../../../proxy/codec/h1-head.ts'

const limits = { maxHeadBytes: 61_440, maxHeaders: 100 }

function request(text: string) {
  const head = newHead()
  const problem = parseRequestHead(text, limits, head)
  return { head, detail: problem?.detail ?? null, status: problem?.status ?? 0 }
}

const refused: readonly [title: string, text: string, detail: string][] = [
  [
    'CL beside TE',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
    'content_length_with_transfer_encoding',
  ],
  [
    'TE beside CL',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n',
    'content_length_with_transfer_encoding',
  ],
  [
    'two different CLs',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n',
    'invalid_content_length',
  ],
  [
    'two equal CLs',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n',
    'invalid_content_length',
  ],
  [
    'a list of CLs',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n',
    'invalid_content_length',
  ],
  [
    'a signed CL',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n',
    'invalid_content_length',
  ],
  [
    'a hex CL',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n',
    'invalid_content_length',
  ],
  [
    'an empty CL',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n',
    'invalid_content_length',
  ],
  [
    'a CL beyond counting',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999\r\n\r\n',
    'invalid_content_length',
  ],
  [
    'TE xchunked',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n',
    'unsupported_transfer_encoding',
  ],
  [
    'TE gzip, chunked',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    'unsupported_transfer_encoding',
  ],
  [
    'TE ,chunked',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n',
    'unsupported_transfer_encoding',
  ],
  [
    'TE twice',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    'unsupported_transfer_encoding',
  ],
  [
    'TE identity',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n',
    'unsupported_transfer_encoding',
  ],
  [
    'TE in quotes',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n',
    'unsupported_transfer_encoding',
  ],
  [
    'TE with a vertical tab',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n',
    'invalid_header_value',
  ],
  [
    'TE in HTTP/1.0',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'transfer_encoding_in_http10',
  ],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 'invalid_header_name'],
  ['a tab before the colon', 'GET / HTTP/1.1\r\nHost\t: a\r\n\r\n', 'invalid_header_name'],
  ['no colon', 'GET / HTTP/1.1\r\nHost\r\n\r\n', 'invalid_header_name'],
  ['an empty name', 'GET / HTTP/1.1\r\n: a\r\n\r\n', 'obs_fold_or_empty_name'],
  [
    'obs-fold by space',
    'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n',
    'obs_fold_or_empty_name',
  ],
  ['obs-fold by tab', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n', 'obs_fold_or_empty_name'],
  ['a fold before the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'obs_fold_or_empty_name'],
  ['NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n', 'invalid_header_value'],
  ['NUL in a name', 'GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n', 'invalid_header_name'],
  ['bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n', 'invalid_header_value'],
  ['bare LF in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n', 'invalid_header_value'],
  ['bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'invalid_request_line'],
  ['DEL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n', 'invalid_header_value'],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'invalid_host'],
  ['no Host', 'GET / HTTP/1.1\r\nX: a\r\n\r\n', 'invalid_host'],
  ['no fields at all', 'GET / HTTP/1.1\r\n\r\n', 'invalid_host'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 'invalid_host'],
  ['userinfo in Host', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 'invalid_host'],
  ['a path in Host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 'invalid_host'],
  ['a space in Host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 'invalid_host'],
  ['userinfo in absolute-form', 'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_host'],
  ['a strange scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  ['a relative target', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  [
    'raw bytes above ASCII in the target',
    'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n',
    'invalid_target',
  ],
  ['a NUL in the target', 'GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  ['an asterisk with GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  ['CONNECT without a port', 'CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  ['CONNECT with a path', 'CONNECT /a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_target'],
  ['a tab in the request line', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_request_line'],
  ['an invalid method', 'G@T / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_method'],
  ['a leading space', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_request_line'],
  ['no version', 'GET /\r\nHost: a\r\n\r\n', 'invalid_request_line'],
  ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'invalid_version'],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 'invalid_version'],
  ['lower-case http/1.1', 'GET / http/1.1\r\nHost: a\r\n\r\n', 'invalid_version'],
  [
    'Host as a connection option',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n',
    'invalid_connection_option',
  ],
  [
    'X-Forwarded-For as a connection option',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: x-forwarded-for\r\n\r\n',
    'invalid_connection_option',
  ],
]

t.test('h1 head: refuses what could be read in two ways', async (t) => {
  for (const [title, text, detail] of refused) {
    const found = request(text)
    t.equal(found.detail, detail, title)
    t.ok([400, 501, 505].includes(found.status), `${title}: 400, 501 or 505`)
  }
})

t.test('h1 head: 101 fields are too many, 100 are not', async (t) => {
  const fields = (n: number) => `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(n - 1)}\r\n`
  t.equal(request(fields(100)).detail, null)
  t.same([request(fields(101)).detail, request(fields(101)).status], ['too_many_headers', 431])
})

t.test('h1 head: keeps order and case, takes hop-by-hop fields out', async (t) => {
  const { head, detail } = request(
    'GET /a?b=c HTTP/1.1\r\nhOsT: Example\r\nX-B: 1\r\nx-a:  2 \t\r\nConnection: keep-alive, X-Hop, te\r\nTE: gzip\r\n' +
      'Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nX-Hop: secret\r\nX-B: 3\r\nHTTP2-Settings: AAA\r\n\r\n',
  )
  t.equal(detail, null)
  t.same(head.headers, ['hOsT', 'Example', 'X-B', '1', 'x-a', '2', 'X-B', '3'])
  t.same(
    [head.method, head.target, head.authority, head.keepAlive],
    ['GET', '/a?b=c', 'Example', true],
  )
})

t.test('h1 head: the forms of a target', async (t) => {
  const absolute = request('GET HTTP://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n').head
  t.same([absolute.authority, absolute.target, absolute.scheme], ['b:81', '/x?y', 'http'])
  t.equal(request('GET http://b HTTP/1.1\r\nHost: a\r\n\r\n').head.target, '/')
  t.equal(request('GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n').head.target, '/?q')
  t.equal(request('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').detail, null)
  t.equal(request('CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n').head.authority, 'b:443')
  t.equal(request('GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n').detail, null)
})

t.test('h1 head: persistence by version and Connection', async (t) => {
  t.equal(request('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').head.keepAlive, false)
  t.equal(
    request('GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n').head.keepAlive,
    false,
  )
  t.equal(request('GET / HTTP/1.0\r\n\r\n').head.keepAlive, false)
  t.equal(request('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').head.keepAlive, true)
})

t.test('h1 head: Upgrade counts only when Connection names it', async (t) => {
  t.equal(request('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n').head.upgrade, null)
  const { head } = request(
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  )
  t.equal(head.upgrade, 'websocket')
  t.same(head.headers, ['Host', 'a'])
})

t.test('h1 head: an expectation we do not know is refused', async (t) => {
  t.equal(request('POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n').status, 417)
  t.equal(
    request('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n').head
      .expectContinue,
    true,
  )
})

t.test('h1 head: names of object members are ordinary fields', async (t) => {
  const names = ['valueOf', 'toString', 'constructor', '__proto__', 'hasOwnProperty']
  const { head } = request(
    `GET / HTTP/1.1\r\nHost: a\r\n${names.map((n) => `${n}: 1\r\n`).join('')}\r\n`,
  )
  t.same(
    head.headers.filter((_, i) => i % 2 === 0),
    ['Host', ...names],
  )
})

function response(text: string) {
  const head = newHead()
  const problem = parseResponseHead(text, limits, head)
  return { head, detail: problem?.detail ?? null }
}

t.test('h1 head: answers, how long they are and what is wrong with them', async (t) => {
  t.equal(response('HTTP/1.1 200 OK\r\n\r\n').head.bodyLength, bodyToClose)
  t.equal(response('HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n').head.bodyLength, 5)
  t.equal(response('HTTP/1.1 200 \r\nTransfer-Encoding: Chunked\r\n\r\n').head.chunked, true)
  t.equal(
    response('HTTP/1.1 200 OK\r\nKeep-Alive: max=3, timeout=7\r\n\r\n').head.keepAliveTimeout,
    7,
  )
  for (const text of [
    'HTTP/1.1 99 No\r\n\r\n',
    'HTTP/1.1 2000 No\r\n\r\n',
    'HTTP/1.1 abc No\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    'HTTP/1.1 200 O\0K\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX : y\r\n\r\n',
  ]) {
    t.not(response(text).detail, null, JSON.stringify(text))
  }
})

t.test(
  'h1 head: no bytes make the parsers throw, and what they accept has no control characters',
  async () => {
    const noise = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
      maxLength: 200,
    })
    fc.assert(
      fc.property(noise, noise, (line, fields) => {
        for (const text of [
          `${line}\r\n\r\n`,
          `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`,
          `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`,
        ]) {
          const { head, detail } = text.startsWith('HTTP') ? response(text) : request(text)
          if (detail !== null) continue
          for (const part of head.headers) if (/[\0\r\n]/.test(part)) return false
        }
        return true
      }),
      { numRuns: 500 },
    )
  },
)
