import t from 'tap'
import { certificateOf, readiness } from '../../dp-agent/readiness.ts'
import type { CertificateSecret } from '../../proxy/model/secret.ts'
import { emptySnapshot } from '../../proxy/model/snapshot.ts'
import { testCa, testLeaf } from '../support/pki.ts'

const worker = { index: 0, state: 'serving', version: 1, restarts: 0, pulse: null } as const
const facts = {
  draining: false,
  waitingFor: null,
  workers: [worker],
  certificate: null,
  now: 1_000,
}

t.test('readiness: live when the first snapshot serves and a worker is up', async (t) => {
  t.same(readiness(facts), { state: 'LIVE', reasons: [] })
})

t.test('readiness: one crashed worker of two does not matter, all of them do', async (t) => {
  const crashed = { ...worker, state: 'restarting' } as const
  t.equal(readiness({ ...facts, workers: [worker, crashed] }).state, 'LIVE')
  t.same(readiness({ ...facts, workers: [crashed] }), {
    state: 'INITIALIZING',
    reasons: ['no worker serves'],
  })
})

t.test('readiness: says what it waits for, and when the certificate has expired', async (t) => {
  const certificate = { spiffeId: 'spiffe://d/web', notAfter: 1_000 }
  t.same(readiness({ ...facts, waitingFor: 'no identity yet', certificate }).reasons, [
    'no identity yet',
    'our certificate has expired',
  ])
  t.equal(readiness({ ...facts, certificate: { ...certificate, notAfter: 1_001 } }).state, 'LIVE')
})

t.test('readiness: draining comes before everything else', async (t) => {
  t.equal(readiness({ ...facts, draining: true, waitingFor: 'x' }).state, 'DRAINING')
})

t.test('readiness: a certificate that is none is no certificate', async (t) => {
  const origin = { source: 'test', name: 'identity', version: '1' }
  const secret = { kind: 'certificate', name: 'identity', origin, chain: 'x', key: '' } as const
  t.equal(certificateOf(emptySnapshot), null)
  t.equal(certificateOf({ ...emptySnapshot, secrets: [secret] }), null)
})

t.test('readiness: of several certificates the one with a SPIFFE ID is ours', async (t) => {
  const ca = testCa()
  const named = (name: string, spiffeId: string | null): CertificateSecret => {
    const leaf = testLeaf(ca, spiffeId)
    return {
      kind: 'certificate',
      name,
      origin: { source: 'test', name, version: '1' },
      chain: leaf.certificate,
      key: leaf.key,
    }
  }
  const admin = named('admin', null)
  t.equal(certificateOf({ ...emptySnapshot, secrets: [admin] })?.spiffeId, '')
  const ours = named('identity', 'spiffe://default/web')
  const status = certificateOf({ ...emptySnapshot, secrets: [admin, ours] })
  t.equal(status?.spiffeId, 'spiffe://default/web')
})
