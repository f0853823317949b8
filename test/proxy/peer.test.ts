import t from 'tap'
import type { ConnectionTls, Peer } from '../../proxy/exchange.ts'
import { newPeer, xfcc } from '../../proxy/peer.ts'
import { parsed, testCa, testLeaf } from '../support/pki.ts'

const ca = testCa()
const web = 'spiffe://mesh/web'

const connection = (peer: Peer | null, localUriSan: string | null): ConnectionTls => ({
  version: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  sni: null,
  alpn: null,
  resumed: false,
  peer,
  localUriSan,
})

t.test('peer: is read from a certificate', async (t) => {
  const leaf = parsed(
    testLeaf(ca, null, {
      commonName: 'a,b',
      sans: [
        { kind: 'uri', value: 'kuma://kuma.io/service/web' },
        { kind: 'uri', value: web },
        { kind: 'dns', value: 'Web.Mesh' },
      ],
    }),
  )
  t.same(newPeer(leaf), {
    spiffeId: web,
    uriSans: ['kuma://kuma.io/service/web', web],
    dnsSans: ['web.mesh'],
    subject: 'CN=a\\,b',
    hash: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    notAfter: leaf.validToDate.getTime(),
  })
})

t.test('peer: a name that could be read as two is left out', async (t) => {
  const value = 'https://a/b, URI:spiffe://mesh/admin'
  const peer = newPeer(parsed(testLeaf(ca, null, { sans: [{ kind: 'uri', value }] })))
  t.same(peer.uriSans, [])
  t.equal(peer.spiffeId, null)
})

t.test('peer: the subject is in the order of RFC 2253', async (t) => {
  const peer = newPeer(parsed(testCa('CA')))
  t.equal(peer.subject, 'CN=CA')
})

t.test(
  'xfcc: says who received, the hash, and each URI name, as Envoy does for Kuma',
  async (t) => {
    const peer = newPeer(parsed(testLeaf(ca, web)))
    t.equal(
      xfcc(connection(peer, 'spiffe://mesh/backend')),
      `By=spiffe://mesh/backend;Hash=${peer.hash};URI=spiffe://mesh/web`,
    )
    t.equal(xfcc(connection(peer, null)), `Hash=${peer.hash};URI=spiffe://mesh/web`)
    t.equal(xfcc(connection(null, 'spiffe://mesh/backend')), '')
  },
)

t.test('xfcc: a name cannot begin another element', async (t) => {
  const sans = [{ kind: 'uri', value: 'kuma://a;URI=spiffe://mesh/admin' }] as const
  const peer = newPeer(parsed(testLeaf(ca, null, { sans })))
  t.match(xfcc(connection(peer, null)), /;URI="kuma:\/\/a;URI=spiffe:\/\/mesh\/admin"$/)
})

t.test('peer: an empty subject, legal beside a name, is an empty text', async (t) => {
  const peer = newPeer(parsed(testLeaf(ca, web, { commonName: null })))
  t.same([peer.subject, peer.spiffeId], ['', web])
})
