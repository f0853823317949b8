import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { identityDirOf, issueIdentities } from '../../../dp-agent/demo/mesh.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const hourMs = 3_600_000

t.test('demo mesh: every service has an identity, and the key of the CA is nowhere', async (t) => {
  const work = t.testdir()
  t.teardown(issueIdentities(work, fakeClock()))
  for (const service of ['gateway', 'frontend', 'backend'] as const) {
    const dir = identityDirOf(work, service)
    const leaf = new X509Certificate(readFileSync(join(dir, 'tls.crt')))
    const ca = new X509Certificate(readFileSync(join(dir, 'ca.crt')))
    t.equal(leaf.subjectAltName, `URI:spiffe://default/${service}`)
    t.ok(leaf.verify(ca.publicKey))
    t.equal(statSync(join(dir, 'tls.key')).mode & 0o777, 0o600)
  }
  const files = readdirSync(work, { recursive: true, encoding: 'utf8' })
  t.same(
    files.filter((name) => name.endsWith('ca.key')),
    [],
  )
})

t.test('demo mesh: identities are renewed before they end, until the demo stops', async (t) => {
  const work = t.testdir()
  const clock = fakeClock()
  const stop = issueIdentities(work, clock)
  const file = join(identityDirOf(work, 'backend'), 'tls.crt')
  const first = readFileSync(file, 'utf8')
  clock.tick(12 * hourMs)
  const second = readFileSync(file, 'utf8')
  t.not(second, first)
  const ends = (pem: string): number => new X509Certificate(pem).validToDate.getTime()
  t.equal(ends(second) - ends(first), 12 * hourMs)
  stop()
  clock.tick(24 * hourMs)
  t.equal(readFileSync(file, 'utf8'), second)
})
