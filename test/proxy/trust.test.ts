import t from 'tap'
import { newTrust, pathToRoot, rootsFor, splitPem } from '../../proxy/trust.ts'
import { intermediateCa, parsed, testCa, testLeaf, trustSecret } from '../support/pki.ts'

const now = Date.now()
const hourMs = 3_600_000
const root = testCa('root')
const upper = intermediateCa(root, 'upper', { ca: { pathLength: 1 }, notAfter: now + 2 * hourMs })
const lower = intermediateCa(upper, 'lower')
const leaf = parsed(testLeaf(lower, 'spiffe://mesh/a'))
const stranger = testCa('root')

t.test('trust: a bundle is split at its certificates, whatever stands between', async (t) => {
  const bundle = `# ours\n${root.certificate}\nsome words\n${stranger.certificate}`
  t.same(
    splitPem(bundle).map((pem) => `${pem}\n`),
    [root.certificate, stranger.certificate],
  )
  t.same(splitPem('nothing'), [])
})

t.test('trust: OpenSSL gets every root once', async (t) => {
  const trust = newTrust(trustSecret({ mesh: [root, stranger], partner: [root] }))
  t.equal(trust.pems.length, 2)
})

t.test('trust: a bundle that is no certificate throws when it is configured', async (t) => {
  const secret = trustSecret({ mesh: [root] })
  const bundle = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  t.throws(() => newTrust({ ...secret, domains: [{ domain: 'mesh', bundle }] }))
})

t.test(
  'trust: a peer is held to the bundle of its own domain, and to those without one',
  async (t) => {
    const named = newTrust(trustSecret({ mesh: [root], partner: [stranger] }))
    t.equal(rootsFor(named, 'mesh')?.length, 1)
    t.equal(rootsFor(named, 'elsewhere'), null)
    t.equal(rootsFor(named, ''), null)
    const open = newTrust(trustSecret({ mesh: [root], '': [stranger] }))
    t.equal(rootsFor(open, 'mesh')?.length, 2)
    t.equal(rootsFor(open, 'elsewhere')?.length, 1)
  },
)

t.test(
  'trust: a path is valid as long as the shortest life on it, in any order of the chain',
  async (t) => {
    const [a, b, top] = [lower, upper, root].map(parsed)
    if (!a || !b || !top) throw new Error('three were made')
    const until = b.validToDate.getTime()
    t.equal(pathToRoot(leaf, [a, b], [top], now)?.until, until)
    t.equal(pathToRoot(leaf, [b, a], [top], now)?.until, until)
    t.equal(pathToRoot(leaf, [b, a], [top], until + 1), null)
    t.equal(pathToRoot(leaf, [a], [top], now), null, 'with a gap')
    t.equal(pathToRoot(leaf, [a, b], [parsed(stranger)], now), null, 'to a root of the same name')
    t.equal(pathToRoot(leaf, [a], [b], now)?.until, until, 'to an intermediate in the bundle')
  },
)

t.test('trust: certificates that sign each other in a circle end the search', async (t) => {
  const circle = Array.from({ length: 8 }, () => parsed(root))
  const end = parsed(testLeaf(root, 'spiffe://mesh/a'))
  t.equal(pathToRoot(end, circle, [parsed(stranger)], now), null)
})
