import type { Ask } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import { reached } from './load-balancing-drives.ts'

/** A hash policy, wherever it stands: requests alike in what it looks at find one endpoint. */
export const hashing = (
  prefix: string,
  conf: (policies: string) => string,
): readonly PolicyRow[] => {
  const row = (
    field: string,
    shows: string,
    policies: string,
    askOf: (n: number) => readonly [string, Ask?],
    also: readonly string[] = ['type'],
  ): PolicyRow => ({
    field: `${prefix}hashPolicies[].${field}`,
    also: also.map((name) => `${prefix}hashPolicies[].${name}`),
    shows,
    listener: 'pool',
    set: conf(`hashPolicies: [${policies}]`),
    unset: conf('hashPolicies: []'),
    drive: (lab) => reached(lab, askOf),
    expect: 1,
    otherwise: 3,
  })
  const cookie = (
    field: string,
    shows: string,
    set: string,
    unset: string,
    expect: readonly string[],
  ): PolicyRow => {
    const policy = (more: string): string =>
      conf(`hashPolicies: [{type: Cookie, cookie: {name: session, ${more}}}]`)
    return {
      field: `${prefix}hashPolicies[].cookie.${field}`,
      shows,
      listener: 'pool',
      set: policy(set),
      unset: policy(unset),
      drive: async (lab) => {
        const { headers } = await lab.settled(lab.ask('/call'))
        return headers['set-cookie']?.map((text) => text.replace(/"[^"]+"/, '"VALUE"')) ?? null
      },
      expect,
      otherwise: unset === '' ? null : ['session="VALUE"; Max-Age=60; HttpOnly'],
    }
  }
  return [
    row(
      'header.name',
      'requests with the same header go to the same endpoint',
      '{type: Header, header: {name: X-Key}}',
      (n) => [`/call?q=${n}`, { headers: { 'x-key': 'a' } }],
    ),
    row(
      'queryParameter.name',
      'requests with the same parameter go to the same endpoint',
      '{type: QueryParameter, queryParameter: {name: q}}',
      (n) => ['/call?q=a', { headers: { 'x-key': String(n) } }],
    ),
    row(
      'cookie.name',
      'requests with the same cookie go to the same endpoint',
      '{type: Cookie, cookie: {name: session}}',
      (n) => [`/call?q=${n}`, { headers: { cookie: `a=${n}; session=a` } }],
    ),
    row(
      'connection.sourceIP',
      'requests from the same address go to the same endpoint',
      '{type: Connection, connection: {sourceIP: true}}',
      (n) => [`/call?q=${n}`],
    ),
    row(
      'terminal',
      'what comes after one that has found something is not looked at',
      '{type: Header, terminal: true, header: {name: X-Key}}, {type: QueryParameter, queryParameter: {name: q}}',
      (n) => [`/call?q=${n}`, { headers: { 'x-key': 'a' } }],
      [],
    ),
    cookie('ttl', 'a caller without the cookie is given one, for so long', 'ttl: 60s', '', [
      'session="VALUE"; Max-Age=60; HttpOnly',
    ]),
    cookie('path', 'is the path of the cookie we make', 'ttl: 60s, path: /shop', 'ttl: 60s', [
      'session="VALUE"; Max-Age=60; Path=/shop; HttpOnly',
    ]),
  ]
}
