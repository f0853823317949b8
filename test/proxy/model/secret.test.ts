import t from 'tap'
import { redactSecret } from '../../../proxy/model/secret.ts'
import { checkSecret } from '../../../proxy/model/secret-check.ts'
import { newProblems } from '../../../proxy/problems.ts'
import {
  certificateSecret,
  intermediateCa,
  testCa,
  testLeaf,
  trustSecret,
} from '../../support/pki.ts'

const root = testCa()
const ca = intermediateCa(root)
const leaf = testLeaf(ca, 'spiffe://default/web')
const identity = certificateSecret(leaf)
const bundles = trustSecret({ default: [root], other: [root, ca] })

const wrong = (raw: object) => {
  const problems = newProblems()
  checkSecret({ ...raw }, problems)
  return problems.list.map(({ path, message }) => `${path}: ${message}`)
}

t.test('secret: chains, keys and bundles that parse are right', (t) => {
  t.same(wrong(identity), [])
  t.same(wrong(bundles), [])
  t.end()
})

t.test('secret: a key must belong to its certificate', (t) => {
  const other = testLeaf(ca, 'spiffe://default/web')
  t.same(wrong({ ...identity, key: other.key }), [
    'key: does not belong to the first certificate of the chain',
  ])
  t.end()
})

t.test('secret: PEM that does not parse is rejected', (t) => {
  t.same(wrong({ ...identity, chain: 'nothing', key: 'nothing' }), [
    'chain: has no certificate in PEM',
    'key: is not an unencrypted private key in PEM',
  ])
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  t.same(wrong({ ...identity, chain: leaf.certificate + broken }), [
    'chain: its certificate number 3 cannot be read',
  ])
  t.same(wrong({ ...bundles, domains: [{ domain: 'a', bundle: broken }] }), [
    'domains[0].bundle: its certificate number 1 cannot be read',
  ])
  t.end()
})

t.test('secret: a trust secret has bundles, one to each domain', (t) => {
  t.same(wrong({ ...bundles, domains: [] }), ['domains: must have at least one bundle'])
  const bundle = root.certificate
  t.same(wrong({ ...bundles, domains: [{ bundle }, { domain: '', bundle }] }), [
    'domains: must name each trust domain once',
  ])
  t.end()
})

t.test('secret: no problem repeats what may be a key', (t) => {
  const marker = 'MARKER'
  for (const value of [marker, { pem: marker }, [marker], 5]) {
    for (const raw of [
      { kind: 'certificate', name: 'a', chain: value, key: value },
      { kind: 'trust', name: 'a', domains: [{ domain: 'a', bundle: value }] },
    ]) {
      const lines = wrong(raw)
      t.ok(lines.length > 0)
      t.notMatch(lines.join('\n'), marker)
    }
  }
  t.end()
})

t.test('secret: redacted, it keeps its name and loses its PEM', (t) => {
  t.same(redactSecret(identity), { ...identity, chain: '[redacted]', key: '[redacted]' })
  t.same(redactSecret(bundles), {
    ...bundles,
    domains: [
      { domain: 'default', bundle: '[redacted]' },
      { domain: 'other', bundle: '[redacted]' },
    ],
  })
  t.end()
})
