import t from 'tap'
import { translateSecret } from '../../../../config/xds/tls/secret.ts'
import { testCa, testLeaf } from '../../../support/pki.ts'
import { bareContext, translation } from '../../../support/translation.ts'

const ca = testCa()
const { certificate, key } = testLeaf(ca, 'spiffe://mesh/a')
const otherKey = testLeaf(ca, 'spiffe://mesh/b').key
const base64 = (text: string) => Buffer.from(text).toString('base64')
const inline = (text: string) => ({ inline_string: text })

const { origin } = bareContext
const context = {
  ...bareContext,
  outside: {
    serviceName: 'test',
    file: (path: string) => {
      if (path === '/ca.pem') return ca.certificate
      throw new Error('no such file')
    },
    environment: (name: string) => (name === 'CA' ? ca.certificate : ''),
  },
}

const secretOf = (fields: object) =>
  translation(
    'envoy.extensions.transport_sockets.tls.v3.Secret',
    { name: 'id', ...fields },
    translateSecret,
    context,
  )

const spiffe = (...trust_domains: object[]) => ({
  validation_context: {
    custom_validator_config: {
      name: 'envoy.tls.cert_validator.spiffe',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig',
        trust_domains,
      },
    },
  },
})

t.test('xds secret: a certificate with its key', async (t) => {
  const { value, said } = secretOf({
    tls_certificate: {
      certificate_chain: { inline_bytes: base64(certificate) },
      private_key: inline(key),
    },
  })
  t.same(value, { kind: 'certificate', name: 'id', origin, chain: certificate, key })
  t.same(said, [])
})

const anyDomain = {
  kind: 'trust',
  name: 'id',
  origin,
  domains: [{ domain: '', bundle: ca.certificate }],
}

for (const [title, trusted_ca] of [
  ['bytes', { inline_bytes: base64(ca.certificate) }],
  ['text', inline(ca.certificate)],
  ['a file', { filename: '/ca.pem' }],
  ['a variable', { environment_variable: 'CA' }],
] as const) {
  t.test(`xds secret: roots from ${title} serve every peer`, async (t) => {
    t.same(secretOf({ validation_context: { trusted_ca } }), { value: anyDomain, said: [] })
  })
}

t.test('xds secret: the SPIFFE validator has roots for each trust domain', async (t) => {
  const bundle = ca.certificate
  const { value, said } = secretOf(
    spiffe(
      { name: 'a', trust_bundle: inline(bundle) },
      { name: 'b', trust_bundle: inline(bundle) },
    ),
  )
  t.match(value, {
    kind: 'trust',
    domains: [
      { domain: 'a', bundle },
      { domain: 'b', bundle },
    ],
  })
  t.same(said, [])
})

t.test('xds secret: what is not used is said', async (t) => {
  const trusted_ca = inline('no PEM')
  const domains = spiffe({ name: 'a', trust_bundle: inline(ca.certificate) })
  const both = { validation_context: { ...domains.validation_context, trusted_ca } }
  t.same(secretOf(both).said, [
    'warning validation_context.trusted_ca: is not used beside a custom_validator_config',
  ])
  const watched = { trusted_ca: { filename: '/ca.pem' }, watched_directory: { path: '/' } }
  const { value, said } = secretOf({ validation_context: watched })
  t.same(value, anyDomain)
  t.same(said, [
    'warning validation_context.watched_directory: is not watched: files are read when the resource comes',
  ])
})

const unverifiable = { trusted_ca: inline(ca.certificate) }

for (const [fields, ...wrong] of [
  [{}, 'warning: is empty: what needs it waits'],
  [
    { generic_secret: {} },
    'error generic_secret: is not supported here',
    'warning: is empty: what needs it waits',
  ],
  [
    { tls_certificate: {} },
    'error tls_certificate.certificate_chain: must be there',
    'error tls_certificate.private_key: must be there',
  ],
  [
    { tls_certificate: { certificate_chain: inline(certificate), private_key: inline(otherKey) } },
    'error tls_certificate.private_key: does not belong to the first certificate of the chain',
  ],
  [
    {
      tls_certificate: {
        certificate_chain: inline('secret'),
        private_key: inline('secret'),
        password: inline('secret'),
      },
    },
    'error tls_certificate.password: is not supported here',
    'error tls_certificate.certificate_chain: has no certificate in PEM',
    'error tls_certificate.private_key: is not an unencrypted private key in PEM',
  ],
  [{ validation_context: {} }, 'error validation_context: must have a trusted_ca or trust domains'],
  [
    { validation_context: { trusted_ca: { filename: '/gone' } } },
    'error validation_context.trusted_ca: cannot be read: no such file',
  ],
  [
    { validation_context: { trusted_ca: inline('secret') } },
    'error validation_context.trusted_ca: has no certificate in PEM',
  ],
  [
    { validation_context: { ...unverifiable, crl: inline('x'), max_verify_depth: 1 } },
    'error validation_context.crl: is not supported here',
    'error validation_context.max_verify_depth: is not supported here',
  ],
  [
    { validation_context: { ...unverifiable, match_subject_alt_names: [{ exact: 'a' }] } },
    'error validation_context: names of peers are not supported in a secret (say them in the default_validation_context of the cluster or listener)',
  ],
  [
    { validation_context: { ...unverifiable, trust_chain_verification: 'ACCEPT_UNTRUSTED' } },
    'error validation_context.trust_chain_verification: is not supported in a secret',
  ],
  [
    { validation_context: { custom_validator_config: { name: 'x' } } },
    'error validation_context.custom_validator_config: an extension without a type is not supported here (known: envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig)',
  ],
  [
    spiffe({ name: '', trust_bundle: inline(ca.certificate) }, { name: 'a' }),
    'error validation_context.custom_validator_config.typed_config.trust_domains[0].name: must not be empty',
    'error validation_context.custom_validator_config.typed_config.trust_domains[1].trust_bundle: must be there',
  ],
  [
    spiffe(
      { name: 'a', trust_bundle: inline('x') },
      { name: 'a', trust_bundle: inline(ca.certificate) },
    ),
    'error validation_context.custom_validator_config.typed_config.trust_domains[0].trust_bundle: has no certificate in PEM',
    'error validation_context.custom_validator_config.typed_config.trust_domains: must name each trust domain once',
  ],
  [
    spiffe(),
    'error validation_context.custom_validator_config.typed_config.trust_domains: must have at least one bundle',
  ],
] as const) {
  t.test(`xds secret: ${wrong[0]}`, async (t) => {
    t.same(secretOf(fields).said, wrong)
  })
}
