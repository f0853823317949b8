import t from 'tap'
import type { AgentSettings } from '../../config/settings.ts'
import type { Emission } from '../../config/source.ts'
import { compose } from '../../dp-agent/compose.ts'
import { emptySnapshot } from '../../proxy/model/snapshot.ts'
import { testCa, testLeaf } from '../support/pki.ts'

const ca = testCa()
const other = testCa('Other CA')
const settings: AgentSettings = {
  metrics: {
    prometheus: null,
    openTelemetry: null,
    sidecar: { profile: 'basic', include: [], exclude: [], includeUnused: false },
    applications: [],
  },
  admin: { port: null },
  dns: null,
  bundles: [{ domain: 'friends', bundle: other.certificate }],
}
const plain: Emission = { snapshot: emptySnapshot, problems: [], settings, identity: null }
const secured: Emission = {
  ...plain,
  identity: { spiffeIds: ['spiffe://default/web'], trustDomain: 'default' },
}
const identity = (spiffeId: string) => {
  const { certificate, key } = testLeaf(ca, spiffeId)
  return { chain: certificate, key, bundles: [{ domain: '', bundle: ca.certificate }] }
}

t.test('compose: without mutual TLS the certificate is left out', async (t) => {
  t.same(compose(plain, identity('spiffe://default/web')), { ok: true, snapshot: emptySnapshot })
})

t.test('compose: with it, waits for a certificate and says for whom', async (t) => {
  t.match(compose(secured, null), { ok: false, wait: true, message: 'spiffe://default/web' })
})

t.test('compose: a certificate for somebody else is refused with both IDs', async (t) => {
  const refused = compose(secured, identity('spiffe://default/db'))
  t.match(refused, { ok: false, wait: false, message: /default\/db.*default\/web/ })
  t.match(compose(secured, { ...identity('spiffe://default/web'), chain: 'nonsense' }), {
    ok: false,
  })
})

t.test('compose: each bundle is trusted for its own trust domain only', async (t) => {
  const composed = compose(secured, identity('spiffe://default/web'))
  t.match(composed, {
    ok: true,
    snapshot: {
      secrets: [
        { kind: 'certificate', name: 'identity' },
        {
          kind: 'trust',
          name: 'trust',
          domains: [
            { domain: 'default', bundle: ca.certificate.trimEnd() },
            { domain: 'friends', bundle: other.certificate.trimEnd() },
          ],
        },
      ],
    },
  })
})

t.test('compose: a bundle that is none is refused', async (t) => {
  const broken = { ...identity('spiffe://default/web'), bundles: [{ domain: '', bundle: 'x' }] }
  t.match(compose(secured, broken), { ok: false, wait: false })
})
