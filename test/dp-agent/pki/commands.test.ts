import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type IssueOptions, pkiInit, pkiIssue } from '../../../dp-agent/pki/commands.ts'
import { pkiShow } from '../../../dp-agent/pki/show.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { intermediateCa, testCa } from '../../support/pki.ts'

const dayMs = 86_400_000

/** A directory with a CA in `ca`, and the commands with their output kept. */
function workshop(t: Test) {
  const dir = t.testdir({})
  const clock = fakeClock()
  const lines: string[] = []
  const env = { clock, out: (text: string) => void lines.push(text) }
  const init = (trustDomain = 'default', force = false) =>
    pkiInit({ dir: join(dir, 'ca'), trustDomain, expiryMs: 3_650 * dayMs, force }, env)
  const issue = (options: Partial<IssueOptions> = {}) =>
    pkiIssue(
      {
        caDir: join(dir, 'ca'),
        dir: join(dir, 'web'),
        spiffeId: 'spiffe://default/web',
        dns: [],
        ip: [],
        expiryMs: 5 * dayMs,
        request: false,
        force: false,
        ...options,
      },
      env,
    )
  const show = (path: string, ca: string | null = null) => {
    lines.length = 0
    return pkiShow({ path: join(dir, path), ca: ca === null ? null : join(dir, ca) }, env)
  }
  const text = (path: string) => readFileSync(join(dir, path), 'utf8')
  return { dir, clock, lines, init, issue, show, text }
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

t.test(
  'pki: init makes a CA that can sign leaves only, and a key only its owner can read',
  async (t) => {
    const { dir, init, lines, text } = workshop(t)
    t.equal(init(), null)
    const ca = new X509Certificate(text('ca/ca.crt'))
    t.ok(ca.ca)
    t.equal(ca.subjectAltName, 'URI:spiffe://default')
    t.ok(ca.verify(ca.publicKey))
    t.equal(mode(join(dir, 'ca/ca.key')), '600')
    t.match(lines.join(''), /ca.crt: CA of default, until 2035-12-30T/)
    t.same(readdirSync(join(dir, 'ca')).sort(), ['ca.crt', 'ca.key'], 'no temporary file is left')
  },
)

t.test('pki: issue makes an identity directory', async (t) => {
  const { dir, init, issue, lines, text, clock } = workshop(t)
  init()
  t.equal(issue({ dns: ['web.mesh'], ip: ['10.0.0.1', 'fd00::1'] }), null)
  const leaf = new X509Certificate(text('web/tls.crt'))
  const ca = new X509Certificate(text('web/ca.crt'))
  t.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  t.notOk(leaf.ca)
  t.equal(
    leaf.subjectAltName,
    'URI:spiffe://default/web, DNS:web.mesh, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1',
  )
  t.equal(leaf.validFromDate.getTime(), clock.wall() - 10_000, 'back-dated for slow clocks')
  t.equal(leaf.validToDate.getTime(), clock.wall() + 5 * dayMs)
  t.equal(mode(join(dir, 'web/tls.key')), '600')
  t.match(lines.at(-1), /tls.crt: spiffe:\/\/default\/web, until 2026-01-06T/)
})

t.test('pki: a leaf ends with its CA', async (t) => {
  const { init, issue, lines, text } = workshop(t)
  init()
  t.equal(issue({ expiryMs: 36_500 * dayMs }), null)
  const [leaf, ca] = ['web/tls.crt', 'web/ca.crt'].map((file) => new X509Certificate(text(file)))
  t.equal(leaf?.validTo, ca?.validTo)
  t.match(lines.at(-1), /when the CA ends/)
})

t.test('pki: a leaf of an intermediate CA shows it in its chain', async (t) => {
  const root = testCa()
  const between = intermediateCa(root, 'between', { notAfter: Date.UTC(2040, 0, 1), notBefore: 0 })
  const { dir, init, issue, text } = workshop(t)
  init()
  writeFileSync(join(dir, 'ca/ca.crt'), between.certificate + root.certificate)
  writeFileSync(join(dir, 'ca/ca.key'), between.key)
  t.equal(issue(), null)
  t.equal(text('web/tls.crt').split('BEGIN').length - 1, 2)
  t.equal(text('web/ca.crt'), between.certificate + root.certificate)
})

t.test('pki: OpenSSL finds nothing to object to in chain and request', async (t) => {
  const { dir, init, issue } = workshop(t)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' }).toString()
  try {
    openssl('version')
  } catch {
    t.pass('no openssl here')
    return
  }
  init()
  issue()
  issue({ dir: join(dir, 'csr'), request: true })
  const when = String(Date.UTC(2026, 0, 2) / 1_000)
  const [ca, leaf] = [join(dir, 'web/ca.crt'), join(dir, 'web/tls.crt')]
  t.match(openssl('verify', '-x509_strict', '-attime', when, '-CAfile', ca, leaf), /OK/)
  const request = openssl('req', '-verify', '-noout', '-text', '-in', join(dir, 'csr/tls.csr'))
  t.match(request, /URI:spiffe:\/\/default\/web/)
})

t.test('pki: nothing is overwritten without --force', async (t) => {
  const { init, issue, text } = workshop(t)
  init()
  const before = text('ca/ca.crt')
  t.match(init(), /ca.key is there already; --force replaces it/)
  t.equal(text('ca/ca.crt'), before)
  issue()
  t.match(issue(), /tls.key is there already/)
  t.equal(issue({ force: true }), null)
  t.equal(init('default', true), null)
  t.not(text('ca/ca.crt'), before)
})

for (const [title, options, message] of [
  ['an ID without a path', { spiffeId: 'spiffe://default' }, /is no SPIFFE ID of a workload/],
  [
    'an ID with capitals in the trust domain',
    { spiffeId: 'spiffe://Default/a' },
    /is no SPIFFE ID/,
  ],
  [
    'an ID of another trust domain',
    { spiffeId: 'spiffe://other/a' },
    /is the CA of trust domain default, not of other/,
  ],
  ['a bad host name', { dns: ['a b'] }, /"a b" is no host name/],
  ['a bad address', { ip: ['10.0.0'] }, /"10.0.0" is no IP address/],
  ['a CA that is not there', { caDir: '/nonexistent' }, /cannot read the CA in \/nonexistent/],
] as const) {
  t.test(`pki: issue refuses ${title}`, async (t) => {
    const { init, issue } = workshop(t)
    init()
    t.match(issue(options), message)
  })
}

t.test('pki: init refuses what is no trust domain', async (t) => {
  t.match(workshop(t).init('Not One'), /"Not One" is no trust domain/)
})

t.test(
  'pki: issue refuses a CA whose key is another, which has expired, or which is none',
  async (t) => {
    const { dir, init, issue, clock, text } = workshop(t)
    init()
    issue()
    const key = text('ca/ca.key')
    writeFileSync(join(dir, 'ca/ca.key'), text('web/tls.key'))
    t.match(issue({ force: true }), /ca.key is not the key of/)
    writeFileSync(join(dir, 'ca/ca.crt'), text('web/tls.crt'))
    t.match(issue({ force: true }), /is not the certificate of a CA/)
    writeFileSync(join(dir, 'ca/ca.crt'), text('web/ca.crt'))
    writeFileSync(join(dir, 'ca/ca.key'), key)
    clock.setWall(Date.UTC(2050, 0, 1))
    t.match(issue({ force: true }), /ca.crt expired at 2035-12-30/)
  },
)

t.test(
  'pki: show tells of an identity directory who it is and that it holds together',
  async (t) => {
    const { init, issue, show, lines } = workshop(t)
    init()
    issue()
    t.equal(show('web'), null)
    const text = lines.join('')
    t.match(text, /SPIFFE ID +spiffe:\/\/default\/web\n/)
    t.match(text, /issuer +O=default, CN=Outrider CA\n/)
    t.match(text, /valid +2025-12-31T23:59:50.000Z to 2026-01-06T00:00:00.000Z, 5 days left\n/)
    t.match(text, /key +ec prime256v1\n/)
    t.match(text, /use +server, client\n/)
    t.match(text, /key: .*tls.key belongs to the certificate\n/)
    t.match(text, /chain: leads to .*ca.crt, valid until 2026-01-06/)
    t.notMatch(text, /PRIVATE/)
  },
)

t.test('pki: show says what is wrong', async (t) => {
  const { dir, init, issue, show, lines, clock, text } = workshop(t)
  init()
  issue()
  writeFileSync(join(dir, 'other.crt'), testCa().certificate)
  t.match(show('web/tls.crt', 'other.crt'), /tls.crt would not be taken/)
  t.match(lines.join(''), /chain: does NOT lead to .*other.crt now/)
  issue({ dir: join(dir, 'api') })
  writeFileSync(join(dir, 'web/tls.key'), text('api/tls.key'))
  clock.setWall(Date.UTC(2026, 0, 10))
  show('web')
  t.match(
    lines.join(''),
    /EXPIRED 4 days ago[^]*is NOT the key of the certificate[^]*does NOT lead/,
  )
  clock.setWall(Date.UTC(2025, 11, 1))
  show('web')
  t.match(lines.join(''), /not yet: begins in 30 days/)
  t.match(show('nothing'), /cannot read .*nothing/)
  t.match(show('web/tls.key'), /holds no certificate/)
  t.match(show('web/tls.crt', 'web/tls.key'), /would not be taken/)
  t.match(lines.join(''), /chain: .*tls.key holds NO certificate/)
})
