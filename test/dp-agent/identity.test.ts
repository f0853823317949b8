import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { identityDirectory } from '../../dp-agent/identity.ts'
import { identityProblem, type LoadedIdentity } from '../../dp-agent/identity-files.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memoryLog } from '../support/memory-log.ts'
import { testCa, testLeaf, type Wrong } from '../support/pki.ts'

const ca = testCa()
const web = 'spiffe://default/web'
const start = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000
const oneDay = { notBefore: start, notAfter: start + 24 * hourMs }

type Files = Readonly<Record<string, string>>

const filesOf = (id: string, wrong: Wrong = oneDay): Files & { 'tls.key': string } => {
  const { certificate, key } = testLeaf(ca, id, wrong)
  return { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': ca.certificate }
}

const put = (dir: string, files: Files): void => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
}

/** A directory under watch, what it gave and what was logged. `poll()` is the next look at it. */
function watched(t: Test, files: Files) {
  const dir = t.testdir({ identity: { ...files } })
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const given: LoadedIdentity[] = []
  const home = join(dir, 'identity')
  const source = identityDirectory({ dir: home, clock, log })
  source.start((identity) => given.push(identity))
  t.teardown(() => source.stop())
  return { dir: home, clock, lines, given, source, poll: () => clock.tick(5_000) }
}

t.test('identity: is given at once with its SPIFFE ID, dates and bundle', async (t) => {
  const { given, lines } = watched(t, filesOf(web))
  t.equal(given.length, 1)
  t.same(given[0]?.spiffeIds, [web])
  t.equal(given[0]?.notAfter, oneDay.notAfter)
  t.same(given[0]?.bundles, [{ domain: '', bundle: ca.certificate }])
  t.match(lines, [/info identity read .*spiffe:\/\/default\/web/])
})

t.test('identity: the key is in no dump and no log line', async (t) => {
  const files = filesOf(web)
  const { given, lines } = watched(t, files)
  const secret = files['tls.key'].split('\n')[1] ?? ''
  t.equal(given[0]?.key, files['tls.key'])
  t.notOk(inspect(given, { depth: 9 }).includes(secret))
  t.notOk(JSON.stringify(given).includes(secret))
  t.notOk(lines.join().includes(secret))
})

t.test('identity: waits for a directory that is not there yet, and says so once', async (t) => {
  const { dir, given, lines, poll } = watched(t, {})
  poll()
  t.match(lines, [/warn no identity yet: cannot read .*tls.crt \(ENOENT\)/])
  put(dir, filesOf(web))
  poll()
  t.equal(given.length, 1)
})

t.test('identity: a renewal half written changes nothing and is logged once', async (t) => {
  const { dir, given, lines, poll } = watched(t, filesOf(web))
  const renewed = filesOf(web)
  put(dir, { 'tls.crt': renewed['tls.crt'] ?? '' })
  poll()
  poll()
  t.equal(given.length, 1)
  t.equal(lines.filter((line) => line.includes('tls.key is not the key of tls.crt')).length, 1)
  put(dir, renewed)
  poll()
  t.equal(given.length, 2)
  t.equal(given[1]?.chain, renewed['tls.crt'])
})

t.test('identity: files that are touched but not changed are not given again', async (t) => {
  const files = filesOf(web)
  const { dir, given, poll } = watched(t, files)
  put(dir, files)
  poll()
  t.equal(given.length, 1)
})

for (const [title, change, message] of [
  ['garbage for a certificate', { 'tls.crt': 'garbage' }, /tls.crt holds no certificate/],
  [
    'a broken certificate',
    { 'tls.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
    /tls.crt holds no certificate/,
  ],
  ['garbage for a key', { 'tls.key': 'garbage' }, /tls.key holds no private key/],
  ['an empty bundle', { 'ca.crt': '' }, /ca.crt holds no certificate/],
] as const) {
  t.test(`identity: ${title} changes nothing`, async (t) => {
    const { dir, given, lines, poll } = watched(t, filesOf(web))
    put(dir, change)
    poll()
    t.equal(given.length, 1)
    t.match(lines.at(-1), message)
  })
}

t.test('identity: a certificate that vanishes leaves the one in use', async (t) => {
  const { dir, given, lines, poll } = watched(t, filesOf(web))
  rmSync(join(dir, 'tls.crt'))
  poll()
  t.equal(given.length, 1)
  t.match(lines.at(-1), /the identity in use stays: cannot read/)
})

t.test('identity: bundles of other trust domains are read by the name of their file', async (t) => {
  const { dir, given, lines, poll } = watched(t, filesOf(web))
  mkdirSync(join(dir, 'bundles'))
  put(dir, { 'bundles/partner.example.pem': testCa('partner').certificate })
  poll()
  t.same(
    given[1]?.bundles.map(({ domain }) => domain),
    ['', 'partner.example'],
  )
  put(dir, { 'bundles/Not a domain.pem': testCa('x').certificate })
  poll()
  t.equal(given.length, 2)
  t.match(lines.at(-1), /bundles\/Not a domain.pem is not named after a trust domain/)
})

t.test(
  'identity: the swap of a ..data link, as Kubernetes does it, is seen by the watch',
  async (t) => {
    const dir = t.testdir({ one: { ...filesOf(web) }, two: { ...filesOf(web) }, home: {} })
    const home = join(dir, 'home')
    symlinkSync(join(dir, 'one'), join(home, '..data'))
    for (const name of ['tls.crt', 'tls.key', 'ca.crt'])
      symlinkSync(`..data/${name}`, join(home, name))
    const clock = fakeClock()
    const given: LoadedIdentity[] = []
    const source = identityDirectory({ dir: home, clock, log: memoryLog().log })
    source.start((identity) => given.push(identity))
    t.teardown(() => source.stop())
    const timers = clock.pending()
    symlinkSync(join(dir, 'two'), join(home, '..data_tmp'))
    renameSync(join(home, '..data_tmp'), join(home, '..data'))
    while (clock.pending() === timers) await turn()
    clock.tick(100)
    t.equal(given.length, 2)
  },
)

t.test(
  'identity: warns once at four fifths of its life and once when it has expired',
  async (t) => {
    const { clock, lines, poll } = watched(t, filesOf(web))
    clock.setWall(start + 19 * hourMs)
    poll()
    t.equal(lines.length, 1)
    clock.setWall(start + 20 * hourMs)
    poll()
    poll()
    t.match(lines, [/identity read/, /warn our certificate should have been renewed by now/])
    clock.setWall(start + 25 * hourMs)
    poll()
    poll()
    t.equal(lines.length, 3)
    t.match(lines[2], /error our certificate has expired/)
  },
)

t.test('identity: nothing is given, and no timer left, after stop', async (t) => {
  const { dir, clock, given, source, poll } = watched(t, filesOf(web))
  source.stop()
  put(dir, filesOf(web))
  poll()
  t.equal(given.length, 1)
  t.equal(clock.pending(), 0)
})

t.test(
  'identity: a certificate the resources do not ask for is named together with what they ask for',
  async (t) => {
    const { certificate } = testLeaf(ca, web)
    t.equal(identityProblem(certificate, ['spiffe://default/api', web]), null)
    t.equal(
      identityProblem(certificate, ['spiffe://default/api', 'spiffe://default/app']),
      'the certificate has spiffe://default/web, but the resources ask for spiffe://default/api or spiffe://default/app',
    )
    t.match(identityProblem(testLeaf(ca, null).certificate, [web]), /has no SPIFFE ID, but/)
    t.match(identityProblem('garbage', [web]), /has no SPIFFE ID, but/)
  },
)
