import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { claimsOf, tokenSource, watchToken } from '../../../config/kuma-cp/token.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown): string => `${part({ alg: 'RS256', kid: '1' })}.${part(claims)}.c2ln`
const day = 86_400

t.test('token: the file is read each time, without the white space around it', async (t) => {
  const file = join(t.testdir({ token: ` ${jwt({ Name: 'a' })}\n` }), 'token')
  const { log } = memoryLog()
  const token = tokenSource({ token: null, file, clock: fakeClock(), log })
  t.equal(token(), jwt({ Name: 'a' }))
  writeFileSync(file, jwt({ Name: 'b' }))
  t.equal(token(), jwt({ Name: 'b' }))
})

t.test('token: the one given wins over the file, and there may be none', async (t) => {
  const { log } = memoryLog()
  const clock = fakeClock()
  t.equal(tokenSource({ token: jwt({}), file: '/nowhere', clock, log })(), jwt({}))
  t.equal(tokenSource({ token: null, file: null, clock, log })(), null)
  t.throws(() => tokenSource({ token: null, file: '/nowhere', clock, log })(), /ENOENT/)
})

t.test('token: what is no JWT is refused without being shown', async (t) => {
  const { log } = memoryLog()
  for (const text of ['secret', 'a.b.c', `${part({})}.${part({})}.x`, `${jwt({})}\nsecond`, '']) {
    const token = tokenSource({ token: text, file: null, clock: fakeClock(), log })
    t.throws(token, { message: /^the dataplane token is not a JWT/ }, text)
  }
  t.same(claimsOf(jwt({ Mesh: 'default' })), { Mesh: 'default' })
})

t.test('token: its end is told once, some days before and when it has come', async (t) => {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const exp = clock.wall() / 1000 + 30 * day
  const token = tokenSource({ token: jwt({ exp }), file: null, clock, log })
  token()
  t.same(lines, [])
  clock.tick(24 * day * 1000)
  token()
  token()
  t.match(lines, [/^warn the dataplane token expires at 2026-01-31/])
  t.equal(lines.length, 1)
  clock.tick(7 * day * 1000)
  token()
  t.match(lines[1], /^warn the dataplane token expired at 2026-01-31/)
  t.notMatch(lines.join(), /c2ln/)
})

t.test('token: one made for an hour is warned of in its last third', async (t) => {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const iat = clock.wall() / 1000
  const token = tokenSource({ token: jwt({ iat, exp: iat + 3_600 }), file: null, clock, log })
  token()
  clock.tick(2_300_000)
  token()
  t.same(lines, [])
  clock.tick(200_000)
  token()
  t.match(lines, [/expires at 2026-01-01T01:00:00/])
})

t.test('token: its end is told while a stream goes on, and so is that it is gone', async (t) => {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const exp = clock.wall() / 1000 + 8 * day
  const file = join(t.testdir({ token: jwt({ exp }) }), 'token')
  const watch = watchToken(tokenSource({ token: null, file, clock, log }), clock, log)
  clock.tick(20 * 3_600_000)
  t.same(lines, [])
  clock.tick(10 * 3_600_000)
  t.equal(lines.length, 1)
  rmSync(file)
  clock.tick(3_600_000)
  t.match(lines[1], /^warn the next stream would fail .*ENOENT/)
  watch.cancel()
  t.equal(clock.pending(), 0)
})

t.test('token: whatever the text is, its claims are a map or there are none', async (t) => {
  const parts = fc.array(
    fc.oneof(
      fc.string(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    ),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(parts, (all) => {
      const claims = claimsOf(all.join('.'))
      return claims === null || (typeof claims === 'object' && !Array.isArray(claims))
    }),
  )
  t.pass()
})
