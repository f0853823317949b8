import t from 'tap'
import {
  downstreamSocket,
  downstreamTls,
  upstreamSocket,
  upstreamTls,
} from '../../../../config/xds/tls/tls.ts'
import { testCa, testLeaf } from '../../../support/pki.ts'
import { bareContext, translation } from '../../../support/translation.ts'

const { origin } = bareContext
const ca = testCa()
const { certificate, key } = testLeaf(ca, 'spiffe://mesh/a')
const tls = 'envoy.extensions.transport_sockets.tls.v3'
const exact = (value: string) => ({ kind: 'exact', value, ignoreCase: false })
const prefix = (value: string) => ({ kind: 'prefix', value, ignoreCase: false })
const versions = { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] }

const upstreamOf = (fields: object) =>
  translation(`${tls}.UpstreamTlsContext`, { ...fields }, (place, context) =>
    upstreamTls(place, 'backend', context),
  )
const downstreamOf = (fields: object) =>
  translation(`${tls}.DownstreamTlsContext`, { ...fields }, (place, context) =>
    downstreamTls(place, 'inbound', context),
  )

const sds = (name: string) => ({ name, sds_config: { ads: {}, resource_api_version: 'V3' } })
const inlineCertificate = {
  certificate_chain: { inline_string: certificate },
  private_key: { inline_string: key },
}
const trusted_ca = { inline_string: ca.certificate }
const named = (san_type: string, matcher: object) => ({ san_type, matcher })

/** What Kuma's control planes send for a destination in the mesh. */
const meshUpstream = {
  common_tls_context: {
    tls_certificate_sds_secret_configs: [sds('identity')],
    combined_validation_context: {
      default_validation_context: {
        match_typed_subject_alt_names: [named('URI', { exact: 'spiffe://mesh/backend' })],
      },
      validation_context_sds_secret_config: sds('trust'),
    },
    alpn_protocols: ['kuma'],
  },
  sni: 'backend.mesh',
}

t.test('xds tls: a cluster of the mesh', async (t) => {
  t.same(upstreamOf(meshUpstream), {
    value: {
      tls: {
        certificate: 'identity',
        trust: 'trust',
        peerIdentities: [{ san: 'uri', match: exact('spiffe://mesh/backend') }],
        sni: 'backend.mesh',
        alpn: ['kuma'],
        versions,
        skipChain: false,
      },
      secrets: [],
      needs: ['identity', 'trust'],
    },
    said: [],
  })
})

t.test('xds tls: a listener of the mesh', async (t) => {
  const combined_validation_context = {
    default_validation_context: {
      match_typed_subject_alt_names: [named('URI', { prefix: 'spiffe://mesh/' })],
    },
    validation_context_sds_secret_config: sds('trust'),
  }
  const common_tls_context = {
    ...meshUpstream.common_tls_context,
    alpn_protocols: [],
    combined_validation_context,
  }
  t.same(downstreamOf({ common_tls_context, require_client_certificate: true }), {
    value: {
      tls: {
        certificate: 'identity',
        trust: 'trust',
        requireClientCertificate: true,
        peerIdentities: [{ san: 'uri', match: prefix('spiffe://mesh/') }],
        alpn: [],
        versions,
      },
      secrets: [],
      needs: ['identity', 'trust'],
    },
    said: [],
  })
})

t.test('xds tls: what stands in a context becomes secrets named after its owner', async (t) => {
  const common_tls_context = {
    tls_certificates: [inlineCertificate],
    validation_context: {
      trusted_ca,
      match_typed_subject_alt_names: [named('DNS', { exact: 'kuma-cp' })],
    },
  }
  const { value, said } = downstreamOf({ common_tls_context, require_client_certificate: true })
  t.same(said, [])
  t.match(value, {
    tls: {
      certificate: 'inbound/certificate',
      trust: 'inbound/trust',
      peerIdentities: [{ san: 'dns', match: exact('kuma-cp') }],
    },
    secrets: [
      { kind: 'certificate', name: 'inbound/certificate', origin, chain: certificate, key },
      {
        kind: 'trust',
        name: 'inbound/trust',
        origin,
        domains: [{ domain: '', bundle: ca.certificate }],
      },
    ],
    needs: [],
  })
})

t.test(
  'xds tls: a listener that asks callers for names does not do without a certificate',
  async (t) => {
    const common_tls_context = {
      tls_certificate_sds_secret_configs: [{ name: 'web' }],
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [named('URI', { prefix: 'spiffe://mesh/' })],
        },
        validation_context_sds_secret_config: sds('trust'),
      },
    }
    t.match(downstreamOf({ common_tls_context }), {
      value: { tls: { trust: 'trust', requireClientCertificate: true } },
      said: [],
    })
  },
)

t.test('xds tls: a secret may have a server of its own', async (t) => {
  const from = (api: object) => ({
    common_tls_context: {
      tls_certificate_sds_secret_configs: [
        { name: 'default', sds_config: { api_config_source: api, resource_api_version: 'V3' } },
      ],
      validation_context_sds_secret_config: sds('default'),
    },
  })
  const grpc_services = [{ envoy_grpc: { cluster_name: 'sds-grpc' } }]
  const api = { api_type: 'GRPC', transport_api_version: 'V3', grpc_services }
  t.match(upstreamOf(from(api)), {
    value: {
      tls: { certificate: 'default{sds=sds-grpc}', trust: 'default' },
      needs: ['default{sds=sds-grpc}', 'default'],
    },
    said: [],
  })
  t.match(upstreamOf(from({ api_type: 'DELTA_GRPC', grpc_services })), {
    value: { tls: { certificate: 'default{delta-sds=sds-grpc}' } },
    said: [],
  })
  const at = 'tls_certificate_sds_secret_configs[0].sds_config.api_config_source'
  const wrong: readonly (readonly [object, string])[] = [
    [{ ...api, api_type: 'REST' }, 'api_type: REST is not supported here'],
    [{ ...api, grpc_services: [] }, 'must have a service in grpc_services'],
    [
      { ...api, grpc_services: [{ google_grpc: { target_uri: 'a', stat_prefix: 'a' } }] },
      'grpc_services[0].google_grpc: is not supported here',
    ],
    [
      { ...api, grpc_services: [{ envoy_grpc: {} }] },
      'grpc_services[0].envoy_grpc.cluster_name: must not be empty',
    ],
    [
      { ...api, grpc_services: [{ ...grpc_services[0], initial_metadata: [{ key: 'a' }] }] },
      'grpc_services[0].initial_metadata: is not supported for secrets',
    ],
  ]
  for (const [fields, message] of wrong) {
    const text = upstreamOf(from(fields)).said.join('\n')
    t.ok(text.includes(at) && text.includes(message), text)
  }
  const alike = { common_tls_context: { validation_context_sds_secret_config: sds('a{sds=b}') } }
  t.match(upstreamOf(alike).said, [/name: must not end as names of secrets with a server/])
})

t.test('xds tls: a listener asks for a certificate and may do without', async (t) => {
  const common_tls_context = {
    tls_certificate_sds_secret_configs: [{ name: 'web' }],
    validation_context_sds_secret_config: sds('trust'),
  }
  t.match(downstreamOf({ common_tls_context }), {
    value: { tls: { trust: 'trust', requireClientCertificate: false, peerIdentities: [] } },
    said: [],
  })
  const { tls_certificate_sds_secret_configs } = common_tls_context
  t.match(downstreamOf({ common_tls_context: { tls_certificate_sds_secret_configs } }), {
    value: { tls: { trust: null, requireClientCertificate: false }, needs: ['web'] },
    said: [],
  })
})

const identitiesOf = (validation: object) =>
  upstreamOf({ common_tls_context: { validation_context: { trusted_ca, ...validation } } })

t.test('xds tls: names of every kind', async (t) => {
  const { value, said } = identitiesOf({
    match_typed_subject_alt_names: [
      named('DNS', { prefix: 'a.' }),
      named('IP_ADDRESS', { exact: '192.0.2.1' }),
      named('URI', { safe_regex: { regex: 'spiffe://[ab]/x' } }),
    ],
    match_subject_alt_names: [{ exact: 'a.b', ignore_case: true }, { exact: '::1' }],
  })
  t.same(said, [])
  t.match(value.tls, { trust: 'backend/trust', skipChain: false })
  t.same(value.tls.peerIdentities, [
    { san: 'dns', match: prefix('a.') },
    { san: 'ip', match: exact('192.0.2.1') },
    { san: 'uri', match: { kind: 'regex', value: 'spiffe://[ab]/x', ignoreCase: false } },
    { san: 'uri', match: { ...exact('a.b'), ignoreCase: true } },
    { san: 'dns', match: { ...exact('a.b'), ignoreCase: true } },
    { san: 'uri', match: exact('::1') },
    { san: 'dns', match: exact('::1') },
    { san: 'ip', match: exact('::1') },
  ])
})

const unverified =
  'warning common_tls_context: the server is not verified: anyone may answer in its place (give a validation context with a trusted_ca)'

t.test(
  'xds tls: a server without roots is not verified, as in Envoy, and that is said',
  async (t) => {
    for (const common_tls_context of [undefined, {}, { validation_context: {} }]) {
      const { value, said } = upstreamOf({ common_tls_context, sni: 'a.b' })
      t.same(value.tls, {
        certificate: null,
        trust: null,
        peerIdentities: [],
        sni: 'a.b',
        alpn: [],
        versions,
        skipChain: true,
      })
      t.match(said, [/^warning.*: the server is not verified/])
    }
    const { value, said } = identitiesOf({
      trust_chain_verification: 'ACCEPT_UNTRUSTED',
      match_typed_subject_alt_names: [named('DNS', { exact: 'a.b' })],
    })
    t.match(value.tls, { skipChain: true, sni: null, peerIdentities: [{ san: 'dns' }] })
    t.same(said, [unverified])
  },
)

for (const [tls_params, wanted, ...said] of [
  [{ tls_minimum_protocol_version: 'TLSv1_3' }, { min: 'TLSv1.3', max: 'TLSv1.3', ciphers: [] }],
  [{ tls_maximum_protocol_version: 'TLSv1_2' }, { min: 'TLSv1.2', max: 'TLSv1.2', ciphers: [] }],
  [
    { tls_minimum_protocol_version: 'TLSv1_0', tls_maximum_protocol_version: 'TLSv1_1' },
    { min: 'TLSv1.2', max: 'TLSv1.2', ciphers: [] },
    'warning common_tls_context.tls_params.tls_minimum_protocol_version: TLSv1_0 is not spoken here; 1.2 takes its place',
    'warning common_tls_context.tls_params.tls_maximum_protocol_version: TLSv1_1 is not spoken here; 1.2 takes its place',
  ],
  [
    {
      cipher_suites: [
        '[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]',
        'AES128-SHA',
      ],
    },
    {
      ...versions,
      ciphers: ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'AES128-SHA'],
    },
  ],
] as const) {
  t.test(`xds tls: versions and ciphers ${JSON.stringify(tls_params)}`, async (t) => {
    const found = identitiesOf({})
    t.same(found.value.tls.versions, versions)
    const common_tls_context = { tls_params, validation_context: { trusted_ca } }
    const { value, said: findings } = upstreamOf({ common_tls_context })
    t.same(value.tls.versions, wanted)
    t.same(findings, said)
  })
}

const at = 'common_tls_context'
const twice = [sds('a'), sds('b')]
for (const [common_tls_context, ...wrong] of [
  [
    { tls_certificate_sds_secret_configs: twice },
    `error ${at}.tls_certificate_sds_secret_configs: only one certificate is supported here`,
  ],
  [
    { tls_certificates: [inlineCertificate], tls_certificate_sds_secret_configs: [sds('a')] },
    `error ${at}.tls_certificates: only one certificate is supported here`,
  ],
  [
    { validation_context_sds_secret_config: { name: '', sds_config: { path: '/x' } } },
    `error ${at}.validation_context_sds_secret_config.sds_config.path: is not supported here`,
    `error ${at}.validation_context_sds_secret_config.name: must not be empty`,
  ],
  [
    { validation_context: { match_typed_subject_alt_names: [named('DNS', { exact: 'a' })] } },
    `error ${at}.validation_context: names of peers mean nothing without a trusted_ca`,
  ],
  [
    {
      validation_context: {
        trusted_ca,
        verify_certificate_hash: ['x'],
        match_typed_subject_alt_names: [
          named('EMAIL', { exact: 'a' }),
          named('IP_ADDRESS', { prefix: '10.' }),
          {},
        ],
      },
    },
    `error ${at}.validation_context.verify_certificate_hash: is not supported here`,
    `error ${at}.validation_context.match_typed_subject_alt_names[0].san_type: EMAIL is not supported here; supported: URI, DNS, IP_ADDRESS`,
    `warning ${at}.validation_context.match_typed_subject_alt_names[1].matcher: matches nobody: an IP address is only matched exactly`,
    `error ${at}.validation_context.match_typed_subject_alt_names[2].matcher: must be there`,
    `error ${at}.validation_context.match_typed_subject_alt_names[2].san_type: must be there`,
  ],
  [
    { combined_validation_context: { default_validation_context: { crl: trusted_ca } } },
    `error ${at}.combined_validation_context.validation_context_sds_secret_config: must be there`,
    `error ${at}.combined_validation_context.default_validation_context.crl: is not supported here`,
  ],
  [
    {
      combined_validation_context: {
        default_validation_context: { trusted_ca },
        validation_context_sds_secret_config: sds('a'),
      },
      key_log: { path: '/x' },
    },
    `error ${at}.key_log: is not supported here`,
    `warning ${at}.combined_validation_context.default_validation_context: its roots are not used: those of the secret take their place`,
  ],
  [
    { tls_params: { cipher_suites: ['NULL-X'], ecdh_curves: ['X25519'] } },
    `error ${at}.tls_params.ecdh_curves: is not supported here`,
    `error ${at}.tls_params.cipher_suites: OpenSSL has no NULL-X`,
  ],
  [
    {
      tls_params: {
        tls_minimum_protocol_version: 'TLSv1_3',
        tls_maximum_protocol_version: 'TLSv1_2',
      },
    },
    `error ${at}.tls_params.tls_minimum_protocol_version: must not be above the maximum`,
  ],
] as const) {
  t.test(`xds tls: ${wrong[0]}`, async (t) => {
    const { said } = upstreamOf({ common_tls_context })
    t.same(
      said.filter((line) => line !== unverified),
      wrong,
    )
  })
}

t.test('xds tls: a listener needs a certificate, and roots to demand one by', async (t) => {
  t.same(downstreamOf({ require_client_certificate: true, require_sni: true }), {
    value: null,
    said: [
      'error require_sni: is not supported here',
      'error require_client_certificate: needs a trusted_ca to verify clients with',
      'error common_tls_context: must have a certificate',
    ],
  })
  const validation_context = { trusted_ca, trust_chain_verification: 'ACCEPT_UNTRUSTED' }
  const tls_certificates = [inlineCertificate]
  t.same(downstreamOf({ common_tls_context: { validation_context, tls_certificates } }).said, [
    'error common_tls_context: ACCEPT_UNTRUSTED is not supported for clients',
  ])
})

t.test('xds tls: a transport socket is TLS of its own side, or plaintext', async (t) => {
  const socketOf = (typed_config: object | undefined, chain = false) =>
    chain
      ? translation(
          'envoy.config.listener.v3.FilterChain',
          { transport_socket: { name: 'x', typed_config } },
          (place, context) => downstreamSocket(place, 'a', context),
        )
      : translation(
          'envoy.config.cluster.v3.Cluster',
          { transport_socket: { name: 'x', typed_config } },
          (place, context) => upstreamSocket(place, 'a', context),
        )
  const type = (name: string) => ({ '@type': `type.googleapis.com/${name}` })
  const context = { ...type(`${tls}.UpstreamTlsContext`), ...meshUpstream }
  t.match(socketOf(context), { value: { tls: { sni: 'backend.mesh' } }, said: [] })
  t.same(socketOf(context, true), {
    value: null,
    said: [
      `error transport_socket.typed_config: ${tls}.UpstreamTlsContext is not supported here (known: ${tls}.DownstreamTlsContext, envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer)`,
    ],
  })
  const raw = type('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer')
  t.same(socketOf(raw), { value: null, said: [] })
  t.match(socketOf(undefined).said, [
    /^error transport_socket: an extension without a type is not supported here/,
  ])
  t.same(
    translation('envoy.config.cluster.v3.Cluster', {}, (place, context) =>
      upstreamSocket(place, 'a', context),
    ),
    { value: null, said: [] },
  )
})
