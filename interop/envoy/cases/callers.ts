import type { Raw } from '../../../proxy/problems.ts'
import { apps, extension, host, listener, manager, router, to } from '../bootstrap.ts'
import type { Addresses, Case, CertificateFiles } from '../case.ts'

/** Who may connect, and how they are known. */

const inspector = extension('filters.listener.tls_inspector.v3.TlsInspector')

/** TLS downstream; callers show a certificate, or may. */
const tls = ({ chain, key, ca }: CertificateFiles, required: boolean, names: Raw = {}): Raw => ({
  transport_socket: extension('transport_sockets.tls.v3.DownstreamTlsContext', {
    require_client_certificate: required,
    common_tls_context: {
      alpn_protocols: ['h2', 'http/1.1'],
      tls_certificates: [
        { certificate_chain: { filename: chain }, private_key: { filename: key } },
      ],
      validation_context: { trusted_ca: { filename: ca }, ...names },
    },
  }),
})

const answering = (status: number): Raw =>
  manager([host([{ match: { prefix: '/' }, direct_response: { status } }])])

const byName = ({ certificate }: Addresses): readonly Raw[] => [
  ...[['a.test'], ['*.b.test'], ['*.test']].map((server_names, index) => ({
    name: server_names.join(),
    filter_chain_match: { server_names, transport_protocol: 'tls' },
    filters: [answering(210 + index)],
    ...tls(certificate, false),
  })),
  {
    name: 'plain',
    filter_chain_match: { transport_protocol: 'raw_buffer' },
    filters: [answering(220)],
  },
]

const withCertificate = { tls: { name: 'app.test', certificate: true } }
const withoutCertificate = { tls: { name: 'app.test', certificate: false } }

/** Callers are known by their certificates. */
const known =
  (options: Raw, required = true): Case['config'] =>
  (at) => ({
    listeners: [
      listener(
        at,
        [{ filters: [manager([host([to('a')])], options)], ...tls(at.certificate, required) }],
        { listener_filters: [inspector] },
      ),
    ],
    clusters: apps(at),
  })

const xfcc = (mode: string): Case => ({
  name: `client certificate: ${mode}`,
  config: known({
    forward_client_cert_details: mode,
    set_current_client_cert_details: { uri: true },
  }),
  asks: [
    withCertificate,
    { ...withCertificate, headers: { 'x-forwarded-client-cert': 'URI=spiffe://test/other' } },
  ],
})

const rbac = (fields: Raw): Raw => ({
  http_filters: [extension('filters.http.rbac.v3.RBAC', fields), router],
})

const byServerName = (exact: string): Raw => ({
  permissions: [{ requested_server_name: { exact } }],
  principals: [{ any: true }],
})

const caller = (name: string): Raw => ({
  permissions: [{ any: true }],
  principals: [{ authenticated: { principal_name: { exact: name } } }],
})

const rules = (action: string, policies: Raw): Raw => rbac({ rules: { action, policies } })

const action = (name: string): Raw => ({
  action: {
    name,
    typed_config: {
      '@type': 'type.googleapis.com/envoy.config.rbac.v3.Action',
      name,
      action: name,
    },
  },
})

/** As Kuma 3 writes it. */
const onlyCaller: Raw = {
  matcher_list: {
    matchers: [
      {
        predicate: {
          single_predicate: {
            input: extension('matching.common_inputs.ssl.v3.UriSanInput'),
            value_match: { prefix: 'spiffe://test/a' },
          },
        },
        on_match: action('ALLOW'),
      },
    ],
  },
  on_no_match: action('DENY'),
}

/** Callers may show a certificate; what is asked of it makes it a must. */
const optional = (what: string, validation: (files: CertificateFiles) => Raw): Case => ({
  name: `TLS: a certificate is not required, but ${what}`,
  config: (at) => ({
    listeners: [
      listener(at, [
        { filters: [answering(210)], ...tls(at.certificate, false, validation(at.certificate)) },
      ]),
    ],
  }),
  asks: [withCertificate, withoutCertificate],
  compared: (exchanges) => exchanges.map(({ answers }) => answers.map(({ status }) => status)),
})

const spiffe = (fields: Raw): Raw => ({
  ...extension('transport_sockets.tls.v3.SPIFFECertValidatorConfig', fields),
  name: 'envoy.tls.cert_validator.spiffe',
})

const nameOf = (exact: string): Raw => ({
  match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact } }],
})

export const callers: readonly Case[] = [
  optional('verified', () => ({})),
  optional('names are', () => nameOf('spiffe://test/app')),
  optional('other names are', () => nameOf('spiffe://test/other')),
  optional('trust domains are', ({ ca }) => ({
    custom_validator_config: spiffe({
      trust_domains: [{ name: 'test', trust_bundle: { filename: ca } }],
    }),
  })),

  {
    name: 'TLS: chains by name',
    config: (at) => ({
      listeners: [listener(at, byName(at), { listener_filters: [inspector] })],
    }),
    asks: [
      ...['a.test', 'A.test', 'x.b.test', 'x.y.b.test', 'b.test', 'other.org'].map((name) => ({
        tls: { name, certificate: false },
      })),
      {},
      { by: 'http2', tls: { name: 'a.test', certificate: false } },
    ],
    compared: (exchanges) => exchanges.map(({ answers }) => answers.map(({ status }) => status)),
  },
  {
    name: 'TLS: a certificate is required',
    config: known({}),
    asks: [withCertificate, withoutCertificate],
    compared: (exchanges) => exchanges.map(({ answers }) => answers.map(({ status }) => status)),
  },
  ...['SANITIZE', 'SANITIZE_SET'].map(xfcc),
  {
    name: 'RBAC: allowed',
    config: known(rules('ALLOW', { one: caller('spiffe://test/app') }), false),
    asks: [withCertificate, withoutCertificate],
  },
  {
    name: 'RBAC: denied',
    config: known(rules('DENY', { one: caller('spiffe://test/app') }), false),
    asks: [withCertificate, withoutCertificate],
  },
  {
    name: 'RBAC: denied by server name, in either case',
    config: known(rules('DENY', { one: byServerName('app.test') })),
    asks: ['app.test', 'APP.test', 'other.test'].map((name) => ({
      tls: { name, certificate: true },
    })),
  },
  {
    name: 'RBAC: denied by another name than a URI',
    config: known(rules('DENY', { one: caller('app.test') })),
    asks: [],
    refused: ['principal_name: may mean DNS names and subjects'],
  },
  { name: 'RBAC: nobody', config: known(rules('ALLOW', {})), asks: [withCertificate] },
  {
    name: 'RBAC: only watching',
    config: known(rbac({ shadow_rules: { action: 'ALLOW', policies: {} } })),
    asks: [withCertificate],
  },
  {
    name: 'RBAC: by a matcher',
    config: known(rbac({ matcher: onlyCaller }), false),
    asks: [withCertificate, withoutCertificate],
  },
]
