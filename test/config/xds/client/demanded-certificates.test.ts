import t from 'tap'
import { demandingCertificates } from '../../../../config/xds/client/demanded-certificates.ts'
import { testCa, trustSecret } from '../../../support/pki.ts'
import { chain, listener } from '../../../support/snapshot.ts'

const tls = (trust: string | null) => ({
  certificate: 'web',
  trust,
  requireClientCertificate: false,
  peerIdentities: [],
  alpn: [],
  versions: { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] } as const,
})

t.test('demanded certificates: by the roots of trust domains no caller does without', async (t) => {
  const ca = testCa()
  const [named, plain] = [
    { ...trustSecret({ mesh: [ca] }), name: 'named' },
    { ...trustSecret({ '': [ca] }), name: 'plain' },
  ]
  const demand = demandingCertificates([named, plain])
  const both = listener({
    filterChains: [
      chain({ name: 'n', tls: tls('named') }),
      chain({ name: 'p', tls: tls('plain') }),
      chain({ name: 'none', tls: tls(null) }),
      chain({ name: 'raw' }),
    ],
  })
  t.same(
    demand(both).filterChains.map((one) => one.tls?.requireClientCertificate),
    [true, false, false, undefined],
  )
  const other = listener({ filterChains: [chain({ name: 'p', tls: tls('plain') })] })
  t.equal(demand(other), other)
})
