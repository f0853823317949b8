import t from 'tap'
import { checkFields } from '../../../../config/xds/reading/coverage.ts'
import { translation } from '../../../support/translation.ts'

t.test('xds fields: a zero that is said is not what is absent', async (t) => {
  const message = 'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext'
  const said = (fields: Readonly<Record<string, unknown>>) =>
    translation(message, fields, (place) => checkFields(place, { message, read: [], harmless: {} }))
      .said
  t.same(said({ max_verify_depth: 0 }), ['error max_verify_depth: is not supported here'])
  t.same(said({ allow_expired_certificate: false, verify_certificate_hash: [] }), [])
})
