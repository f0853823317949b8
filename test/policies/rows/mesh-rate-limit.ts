import { once } from 'node:events'
import { type Lab, labListeners } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'

/** Statuses of five requests at once, and of three more each time `ms` have passed. */
async function statuses(lab: Lab, ...ms: readonly number[]): Promise<readonly number[][]> {
  const ask = async (count: number): Promise<number[]> => {
    const seen: number[] = []
    for (let i = 0; i < count; i += 1) seen.push((await lab.settled(lab.ask())).status)
    return seen
  }
  const all = [await ask(5)]
  for (const later of ms) {
    lab.clock.tick(later)
    all.push(await ask(3))
  }
  return all
}

/** What of the second request's answer the limit decides. */
async function refusal(lab: Lab): Promise<unknown> {
  await lab.settled(lab.ask())
  const { status, headers } = await lab.settled(lab.ask())
  return { status, wait: headers['x-wait'] ?? null, server: headers.server ?? null }
}

/** How many of four connections carry a byte there and back. */
async function connections(lab: Lab): Promise<number> {
  lab.services.app.serve = (socket) => socket.pipe(socket)
  let served = 0
  for (let i = 0; i < 4; i += 1) {
    const socket = await lab.dial()
    socket.write('x')
    const over = Promise.race([once(socket, 'data'), once(socket, 'close'), once(socket, 'end')])
    const [first] = await lab.settled(over)
    if (first instanceof Buffer) served += 1
  }
  return served
}

async function byCaller(lab: Lab): Promise<unknown> {
  const seen: Record<string, number[]> = { greedy: [], other: [] }
  for (const as of ['greedy', 'greedy', 'other', 'other'] as const) {
    seen[as]?.push((await lab.settled(lab.ask('/', { as }))).status)
  }
  return seen
}

const rate = (num: number, interval: string): string =>
  `requestRate: {num: ${num}, interval: ${interval}}`

const allowAll = `type: MeshTrafficPermission
name: everyone
spec: {rules: [{default: {allow: [{spiffeID: {type: Prefix, value: 'spiffe://'}}]}}]}`

const unlimited = [200, 200, 200, 200, 200]

export const meshRateLimit: PolicyTable = {
  kind: 'MeshRateLimit',
  section: 'rules',
  rows: [
    {
      field: 'local.http.requestRate.num',
      shows: 'so many requests pass, the others are answered 429',
      set: `{local: {http: {${rate(2, '10s')}}}}`,
      unset: '{local: {http: {}}}',
      drive: (lab) => statuses(lab),
      expect: [[200, 200, 429, 429, 429]],
      otherwise: [unlimited],
    },
    {
      field: 'local.http.requestRate.interval',
      shows: 'after it as many may pass again, and no more for having waited longer',
      set: `{local: {http: {${rate(2, '10s')}}}}`,
      unset: `{local: {http: {${rate(2, '1s')}}}}`,
      drive: (lab) => statuses(lab, 9_900, 100, 50_000),
      expect: [
        [200, 200, 429, 429, 429],
        [429, 429, 429],
        [200, 200, 429],
        [200, 200, 429],
      ],
      otherwise: [
        [200, 200, 429, 429, 429],
        [200, 200, 429],
        [200, 200, 429],
        [200, 200, 429],
      ],
    },
    {
      field: 'local.http.disabled',
      shows: 'switches the limit off',
      set: `{local: {http: {disabled: true, ${rate(2, '10s')}}}}`,
      unset: `{local: {http: {${rate(2, '10s')}}}}`,
      drive: (lab) => statuses(lab),
      expect: [unlimited],
      otherwise: [[200, 200, 429, 429, 429]],
    },
    {
      field: 'local.http.onRateLimit.status',
      shows: 'is the status of the answer',
      set: `{local: {http: {${rate(1, '10s')}, onRateLimit: {status: 503}}}}`,
      unset: `{local: {http: {${rate(1, '10s')}}}}`,
      drive: refusal,
      expect: { status: 503, wait: null, server: 'outrider' },
      otherwise: { status: 429, wait: null, server: 'outrider' },
    },
    {
      field: 'local.http.onRateLimit.headers.set[].name',
      also: ['local.http.onRateLimit.headers.set[].value'],
      shows: 'is a header of the answer',
      set: `{local: {http: {${rate(1, '10s')}, onRateLimit: {headers: {set: [{name: X-Wait, value: '10'}]}}}}}`,
      unset: `{local: {http: {${rate(1, '10s')}}}}`,
      drive: refusal,
      expect: { status: 429, wait: '10', server: 'outrider' },
      otherwise: { status: 429, wait: null, server: 'outrider' },
    },
    {
      field: 'local.http.onRateLimit.headers.add[].name',
      also: ['local.http.onRateLimit.headers.add[].value'],
      shows: 'is a header of the answer, beside one that is there',
      set: `{local: {http: {${rate(1, '10s')}, onRateLimit: {headers: {
        set: [{name: X-Wait, value: '10'}], add: [{name: X-Wait, value: 'or more'}]}}}}}`,
      unset: `{local: {http: {${rate(1, '10s')}}}}`,
      drive: refusal,
      expect: { status: 429, wait: '10, or more', server: 'outrider' },
      otherwise: { status: 429, wait: null, server: 'outrider' },
    },
    {
      field: 'local.http.requestRate.num',
      shows: 'rules that name a caller are for it alone, with a bucket of its own',
      in: 'spec',
      listener: 'inbound',
      mtls: true,
      beside: allowAll,
      set: `{rules: [
        {default: {local: {http: {${rate(9, '10s')}}}}},
        {matches: [{spiffeID: {type: Exact, value: 'spiffe://default/greedy'}}], default: {local: {http: {${rate(1, '10s')}}}}}]}`,
      unset: `{rules: [{default: {local: {http: {${rate(9, '10s')}}}}}]}`,
      drive: byCaller,
      expect: { greedy: [200, 429], other: [200, 200] },
      otherwise: { greedy: [200, 200], other: [200, 200] },
    },
    {
      field: 'local.tcp.connectionRate.num',
      also: ['local.tcp.connectionRate.interval'],
      shows: 'so many connections pass, the others are closed',
      protocol: 'tcp',
      set: '{local: {tcp: {connectionRate: {num: 2, interval: 10s}}}}',
      unset: '{local: {tcp: {}}}',
      drive: connections,
      expect: 2,
      otherwise: 4,
    },
    {
      field: 'local.tcp.disabled',
      shows: 'switches the limit off',
      protocol: 'tcp',
      set: '{local: {tcp: {disabled: true, connectionRate: {num: 2, interval: 10s}}}}',
      unset: '{local: {tcp: {connectionRate: {num: 2, interval: 10s}}}}',
      drive: connections,
      expect: 4,
      otherwise: 2,
    },
    {
      field: 'local.tcp.connectionRate.interval',
      shows: 'after it as many may pass again',
      protocol: 'tcp',
      set: '{local: {tcp: {connectionRate: {num: 2, interval: 10s}}}}',
      unset: '{local: {tcp: {connectionRate: {num: 2, interval: 60s}}}}',
      drive: async (lab) => {
        const first = await connections(lab)
        lab.clock.tick(10_000)
        const later = await connections(lab)
        const { counters } = lab.sidecar.tcp(labListeners.inbound)
        return { first, later, counted: counters.local_rate_limit_rate_limited }
      },
      expect: { first: 2, later: 2, counted: 4 },
      otherwise: { first: 2, later: 0, counted: 6 },
    },
  ],
}
