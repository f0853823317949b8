import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { refuse } from '../../../dp-agent/admin/guard.ts'

const status = (method: string, headers: Record<string, string>, hosts: string[] = []) =>
  refuse({ method, headers } as unknown as IncomingMessage, hosts)?.status ?? 200

t.test('guard: answers to IP addresses, localhost and configured names only', async (t) => {
  for (const host of [
    '127.0.0.1:9901',
    '10.1.2.3',
    '[::1]:9901',
    'localhost',
    'LOCALHOST:1',
    'a.localhost',
  ]) {
    t.equal(status('GET', { host }), 200, host)
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '',
    '::1',
    'a b',
    '[evil]',
  ]) {
    t.equal(status('GET', { host }), 421, host)
  }
  t.equal(status('GET', { host: 'Admin.Example:9901' }, ['admin.example']), 200)
})

t.test('guard: a page of another site cannot post', async (t) => {
  const host = '127.0.0.1:9901'
  t.equal(status('POST', { host }), 200, 'a program')
  t.equal(
    status('POST', { host, origin: 'http://127.0.0.1:9901', 'sec-fetch-site': 'same-origin' }),
    200,
  )
  t.equal(status('POST', { host, origin: 'http://evil.example' }), 403)
  t.equal(status('POST', { host, origin: 'http://127.0.0.1:8080' }), 403, 'another port')
  t.equal(status('POST', { host, origin: 'null' }), 403)
  t.equal(status('POST', { host, 'sec-fetch-site': 'cross-site' }), 403)
  t.equal(status('DELETE', { host, 'sec-fetch-site': 'same-site' }), 403)
})
