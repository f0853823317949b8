import t from 'tap'
import type { Exchange } from '../../../proxy/exchange.ts'
import { localReply } from '../../../proxy/local-reply.ts'
import { cors } from '../../../proxy/policies/cors.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { checked } from '../../support/check.ts'
import { exchange, seen } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { alive } from '../../support/policy.ts'

const page = 'https://app.test'
const full = {
  origins: [page],
  methods: 'GET,PUT',
  headers: 'x-token',
  exposed: 'x-app',
  maxAge: '600',
  credentials: true,
  privateNetwork: true,
}
const preflight = ['origin', page, 'access-control-request-method', 'PUT']

/** What the policy does with a request: `continue`, or the answer; and the fields of a later one. */
function tried(config: Raw, requestHeaders: string[], over: Partial<Exchange> = {}) {
  const x = exchange({ requestHeaders, ...over })
  const verdict = alive(cors, config).request?.(x) ?? 'continue'
  return { x, verdict, answer: seen(x), fields: x.answerHeaders }
}

const options = (config: Raw, requestHeaders: string[]) =>
  tried(config, requestHeaders, { method: 'OPTIONS' })

t.test('cors: fills in defaults, and does nothing where it is for no request', async (t) => {
  const { config, wrong } = checked(cors.check, {})
  t.same(wrong, [])
  t.same(config, {
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
  })
  t.same(alive(cors, { ...full, percent: 0 }), {})
})

t.test('cors: refuses what is wrong, with its place', async (t) => {
  const raw = {
    origins: [{ kind: 'regex', value: '(' }],
    methods: 'GET\r\nx: y',
    maxAge: 5,
    percent: 101,
    credentials: 'yes',
    more: 1,
  }
  const { wrong } = checked(cors.check, raw)
  t.match(wrong, [
    /^more: unknown field/,
    /^origins\[0\]/,
    /^methods: must not hold line breaks/,
    /^maxAge: must be a string/,
    /^credentials: /,
    /^percent: must be a number from 0 to 100/,
  ])
})

t.test('cors: answers a preflight of an origin that is allowed', async (t) => {
  const { x, verdict, answer } = options(full, [
    ...preflight,
    'Access-Control-Request-Private-Network',
    'true',
  ])
  t.equal(verdict, 'replied')
  t.match(x, { status: 200, detail: 'cors_response', flags: 0 })
  t.equal(answer.bodyLength, 0)
  t.strictSame([...answer.headers].sort(), [
    '600',
    'GET,PUT',
    'access-control-allow-credentials',
    'access-control-allow-headers',
    'access-control-allow-methods',
    'access-control-allow-origin',
    'access-control-allow-private-network',
    'access-control-expose-headers',
    'access-control-max-age',
    page,
    'outrider',
    'server',
    'true',
    'true',
    'x-app',
    'x-token',
  ])
})

t.test('cors: an asterisk allows what was asked for', async (t) => {
  const asked = { origins: ['*'], methods: '*', headers: '*' }
  const { answer } = options(asked, [...preflight, 'access-control-request-headers', 'x-a'])
  t.match(answer.headers.join(' '), /allow-methods PUT.*allow-headers x-a/)
})

t.test('cors: a preflight of another origin goes on, or is answered without one', async (t) => {
  const others = ['origin', 'https://other.test', 'access-control-request-method', 'PUT']
  const { verdict, fields } = options(full, others)
  t.equal(verdict, 'continue')
  t.same(fields, [])
  const { answer } = options({ ...full, forwardOthers: false }, others)
  t.equal(answer.status, 200)
  t.notOk(answer.headers.includes('access-control-allow-origin'))
  t.ok(answer.headers.includes('access-control-allow-methods'))
})

t.test('cors: what is no preflight goes on', async (t) => {
  const table: readonly [string, string[]][] = [
    ['GET', preflight],
    ['OPTIONS', ['origin', page]],
    ['OPTIONS', ['origin', page, 'access-control-request-method', '']],
    ['OPTIONS', ['origin', '', 'access-control-request-method', 'PUT']],
    ['OPTIONS', ['access-control-request-method', 'PUT']],
  ]
  for (const [method, requestHeaders] of table) {
    t.equal(tried(full, requestHeaders, { method }).verdict, 'continue', requestHeaders.join(' '))
  }
})

t.test('cors: origins are compared whole, and several are one text', async (t) => {
  const table: readonly [Raw, string[], boolean][] = [
    [{ origins: [page] }, [page], true],
    [{ origins: [page] }, ['https://app.test.evil'], false],
    [{ origins: [page] }, ['https://APP.test'], false],
    [{ origins: [{ kind: 'exact', value: page, ignoreCase: true }] }, ['https://APP.test'], true],
    [{ origins: [{ kind: 'regex', value: 'https://a' }] }, [page], false],
    [{ origins: [{ kind: 'regex', value: '\\*' }] }, [page], true],
    [{ origins: ['*'] }, ['null'], true],
    [{ origins: [page] }, [page, page], false],
    [{ origins: [`${page},${page}`] }, [page, page], true],
    [{}, [page], false],
  ]
  for (const [config, values, allowed] of table) {
    const { x, fields } = tried(
      config,
      values.flatMap((value) => ['Origin', value]),
    )
    t.same(fields, allowed ? ['access-control-allow-origin', values.join(',')] : [])
    const stats = x.stats.counters as unknown as Record<string, number>
    t.equal(stats.cors_origin_valid, allowed ? 1 : 0)
    t.equal(stats.cors_origin_invalid, allowed ? 0 : 1)
  }
})

t.test('cors: is for a share of the requests, and counts origins for another', async (t) => {
  const table: readonly [Raw, number, boolean, number][] = [
    [{ percent: 50 }, 0.4, true, 1],
    [{ percent: 50 }, 0.6, false, 0],
    [{ percent: 0, shadowPercent: 100 }, 0.6, false, 1],
    [{ percent: 50, shadowPercent: 100 }, 0.6, false, 1],
  ]
  for (const [config, random, done, counted] of table) {
    const x = exchange({ requestHeaders: [...preflight], method: 'OPTIONS' })
    const clock = { ...fakeClock(), random: () => random }
    const verdict = alive(cors, { ...full, ...config }, { clock }).request?.(x)
    t.equal(verdict, done ? 'replied' : 'continue')
    t.match(x.stats.counters, { cors_origin_valid: counted })
  }
})

t.test('cors: answers of ours say who may read them, too', async (t) => {
  const { x, answer } = tried(full, ['origin', page])
  localReply(x, 'NoHealthyUpstream')
  t.equal(answer.status, 503)
  t.match(answer.headers.join(' '), /allow-origin https:\/\/app\.test.*expose-headers x-app/)
})
