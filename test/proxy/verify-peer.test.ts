import t from 'tap'
import { clientAuth, serverAuth } from '../../dp-agent/pki/x509.ts'
import type { PeerIdentity } from '../../proxy/model/cluster.ts'
import { tlsRefusals } from '../../proxy/tls-refusal.ts'
import { intermediateCa, testCa, testLeaf, trustSecret, type Wrong } from '../support/pki.ts'
import { clientTls, dial, serverTls, tlsListener, verdictOf } from '../support/tls.ts'

const ca = testCa('mesh CA')
const otherCa = testCa('mesh CA')
const partnerCa = testCa('partner CA')
const between = intermediateCa(ca)
const rsaCa = testCa('RSA CA', { keyType: 'rsa' })
const trust = trustSecret({ mesh: [ca, rsaCa], partner: [partnerCa] })
const good = testLeaf(ca, 'spiffe://mesh/good')
const me = 'spiffe://mesh/backend'
/** The server would have to know the intermediate CA. */
const withoutChain = testLeaf({ ...between, chain: '' }, me)
const day = 86_400_000

const uri = (value: string) => ({ kind: 'uri', value }) as const
const exact = (value: string): PeerIdentity => ({
  san: 'uri',
  match: { kind: 'exact', value, ignoreCase: false },
})
const prefix = (value: string): PeerIdentity => ({
  san: 'uri',
  match: { kind: 'prefix', value, ignoreCase: false },
})
const leaf = (wrong: Wrong) => testLeaf(ca, null, { sans: [uri(me)], ...wrong })

/** What is shown, what the other side must say; `as` limits a row to one side. */
const matrix: readonly {
  readonly title: string
  readonly shown: { readonly certificate: string; readonly key: string }
  readonly says: string
  readonly as?: 'client' | 'server'
  readonly expected?: readonly PeerIdentity[]
}[] = [
  { title: 'a good certificate', shown: testLeaf(ca, me), says: 'ok' },
  { title: 'an RSA certificate', shown: testLeaf(rsaCa, me, { keyType: 'rsa' }), says: 'ok' },
  { title: 'an EC certificate of an RSA CA', shown: testLeaf(rsaCa, me), says: 'ok' },
  { title: 'a chain through an intermediate CA', shown: testLeaf(between, me), says: 'ok' },
  {
    title: 'a certificate of a federated trust domain',
    shown: testLeaf(partnerCa, 'spiffe://partner/a'),
    says: 'ok',
  },
  {
    title: 'a kuma:// name beside the SPIFFE ID',
    shown: leaf({ sans: [uri('kuma://team/x'), uri(me)] }),
    says: 'ok',
  },
  {
    title: 'a host name beside the SPIFFE ID',
    shown: leaf({ sans: [uri(me), { kind: 'dns', value: 'a.b' }] }),
    says: 'ok',
  },
  { title: 'no extended key usage', shown: leaf({ extendedKeyUsage: [] }), says: 'ok' },
  {
    title: 'an expected identity',
    shown: testLeaf(ca, me),
    expected: [exact('spiffe://mesh/x'), exact(me)],
    says: 'ok',
  },
  {
    title: 'an expected trust domain',
    shown: testLeaf(ca, me),
    expected: [prefix('spiffe://mesh/')],
    says: 'ok',
  },
  {
    title: 'an expired certificate',
    shown: leaf({ notAfter: Date.now() - 1_000 }),
    says: 'tls_certificate_expired',
  },
  {
    title: 'a certificate of tomorrow',
    shown: leaf({ notBefore: Date.now() + day, notAfter: Date.now() + 2 * day }),
    says: 'tls_certificate_not_yet_valid',
  },
  {
    title: 'an expired intermediate CA',
    shown: testLeaf(intermediateCa(ca, 'old', { notAfter: Date.now() - 1_000 }), me),
    says: 'tls_certificate_expired',
  },
  {
    title: 'a CA of the same name and another key',
    shown: testLeaf(otherCa, me),
    says: 'tls_untrusted_chain',
  },
  {
    title: 'an intermediate CA that is not shown',
    shown: withoutChain,
    says: 'tls_untrusted_chain',
  },
  {
    title: 'an intermediate that is no CA',
    shown: testLeaf(intermediateCa(ca, 'leaf', { ca: null }), me),
    says: 'tls_untrusted_chain',
  },
  {
    title: 'a CA below one whose path length is 0',
    shown: testLeaf(intermediateCa(between, 'below'), me),
    says: 'tls_untrusted_chain',
  },
  {
    title: 'a trust domain nobody vouches for',
    shown: testLeaf(ca, 'spiffe://stranger/a'),
    says: 'tls_wrong_trust_domain',
  },
  {
    title: 'an ID of our domain signed by the federated CA',
    shown: testLeaf(partnerCa, me),
    says: 'tls_untrusted_chain',
  },
  {
    title: 'an ID of the federated domain signed by our CA',
    shown: testLeaf(ca, 'spiffe://partner/a'),
    says: 'tls_untrusted_chain',
  },
  {
    title: 'an identity that is not expected',
    shown: testLeaf(ca, me),
    expected: [exact('spiffe://mesh/frontend')],
    says: 'tls_wrong_identity',
  },
  {
    title: 'an identity that only begins as expected',
    shown: testLeaf(ca, `${me}-2`),
    expected: [exact(me)],
    says: 'tls_wrong_identity',
  },
  { title: 'no names at all', shown: testLeaf(ca, null), says: 'tls_no_spiffe_id' },
  {
    title: 'a host name alone',
    shown: leaf({ sans: [{ kind: 'dns', value: 'backend.mesh' }] }),
    says: 'tls_no_spiffe_id',
  },
  {
    title: 'a URI of another scheme alone',
    shown: leaf({ sans: [uri('https://mesh/backend')] }),
    says: 'tls_no_spiffe_id',
  },
  {
    title: 'two SPIFFE IDs',
    shown: leaf({ sans: [uri(me), uri('spiffe://mesh/other')] }),
    says: 'tls_many_spiffe_ids',
  },
  {
    title: 'a second SPIFFE ID in capitals',
    shown: leaf({ sans: [uri(me), uri('SPIFFE://mesh/other')] }),
    says: 'tls_many_spiffe_ids',
  },
  ...[
    'spiffe://mesh/../partner/a',
    'spiffe://mesh/a/./b',
    'spiffe://mesh//a',
    'spiffe://mesh/a/',
    'spiffe://mesh/%61',
    'spiffe://mesh:80/a',
    'spiffe://me@mesh/a',
    'spiffe://mesh/a?b',
    'spiffe://mesh/a#b',
    'spiffe://MESH/a',
    'SPIFFE://mesh/a',
    'spiffe:///a',
    'spiffe:mesh/a',
    'spiffe://mesh',
    'spiffe://mesh/a, URI:spiffe://mesh/b',
    'spiffe://mesh/a\0',
    'spiffe://mesh/\xe9',
  ].map((id) => ({
    title: `the ID ${JSON.stringify(id)}`,
    shown: leaf({ sans: [uri(id)] }),
    says: 'tls_invalid_spiffe_id',
  })),
  { title: 'a CA as leaf', shown: leaf({ ca: { pathLength: null } }), says: 'tls_bad_certificate' },
  {
    title: 'the key usage of a server only',
    shown: leaf({ extendedKeyUsage: [serverAuth] }),
    as: 'client',
    says: 'tls_bad_certificate',
  },
  {
    title: 'the key usage of a client only',
    shown: leaf({ extendedKeyUsage: [clientAuth] }),
    as: 'server',
    says: 'tls_bad_certificate',
  },
  {
    title: 'the key usage of code signing',
    shown: leaf({ extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'] }),
    says: 'tls_bad_certificate',
  },
]

for (const { title, shown, says, as, expected = [] } of matrix) {
  const counter = Object.entries(tlsRefusals).find(([reason]) => reason === says)?.[1]
  if (as !== 'server') {
    t.test(`verify-peer: a client with ${title} gets ${says}`, async (t) => {
      const listener = await tlsListener(t, serverTls(good, trust, { peerIdentities: expected }))
      void dial(t, clientTls(shown, trust), listener.port)
      const result = await listener.next()
      t.equal(verdictOf(result), says)
      if ('detail' in result) t.equal(result.counter, counter)
    })
  }
  if (as === 'client') continue
  t.test(`verify-peer: a server with ${title} gets ${says}`, async (t) => {
    const listener = await tlsListener(t, serverTls(shown, trust))
    const result = await dial(
      t,
      clientTls(good, trust, { peerIdentities: expected }),
      listener.port,
    )
    t.equal(verdictOf(result), says)
    if ('detail' in result) t.equal(result.counter, counter)
  })
}

const dns = (value: string): PeerIdentity => ({
  san: 'dns',
  match: { kind: 'exact', value, ignoreCase: false },
})
const controlPlane = leaf({ sans: [{ kind: 'dns', value: 'kuma-cp' }] })

for (const [title, expected, says] of [
  ['its host name', [dns('kuma-cp')], 'ok'],
  ['its host name or a workload', [exact(me), dns('kuma-cp')], 'ok'],
  ['another host name', [dns('kuma')], 'tls_wrong_identity'],
  ['a workload', [exact(me)], 'tls_no_spiffe_id'],
] as const) {
  t.test(`verify-peer: a client outside the mesh, expected by ${title}: ${says}`, async (t) => {
    const roots = trustSecret({ '': [ca] })
    const listener = await tlsListener(t, serverTls(good, roots, { peerIdentities: expected }))
    void dial(t, clientTls(controlPlane, roots), listener.port)
    t.equal(verdictOf(await listener.next()), says)
  })
}
