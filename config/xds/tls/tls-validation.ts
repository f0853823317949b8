import { isIP } from 'node:net'
import type { PeerIdentity } from '../../../proxy/model/cluster.ts'
import type { TrustSecret } from '../../../proxy/model/secret.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { dataSource, failUnknown, stringMatch, text, typed, word } from '../reading/values.ts'
import { checkedSecret, warnWatched } from './pem.ts'

const validationFields: Coverage = {
  message: 'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext',
  read: [
    'trusted_ca',
    'custom_validator_config',
    'watched_directory',
    'match_typed_subject_alt_names',
    'match_subject_alt_names',
    'trust_chain_verification',
  ],
  harmless: {
    suppress_client_ca_list: 'clients choose their certificate by other means',
    only_verify_leaf_cert_crl: 'says something of revocation lists only, which are refused',
  },
}

/** Whether a CertificateValidationContext says by which roots peers are verified. */
export const namesRoots = (place: Place): boolean =>
  inside(place, 'trusted_ca') !== null || inside(place, 'custom_validator_config') !== null

/** The roots in a CertificateValidationContext, as a secret of that name; null when it has none or is refused. */
export function trustSecret(place: Place, name: string, context: Context): TrustSecret | null {
  checkFields(place, validationFields)
  warnWatched(place)
  const custom = inside(place, 'custom_validator_config')
  if (custom !== null) {
    if (inside(place, 'trusted_ca') !== null) {
      warn(place, 'trusted_ca', 'is not used beside a custom_validator_config')
    }
    return domainsSecret(custom, name, context)
  }
  const bundle = dataSource(place, 'trusted_ca', context.outside)
  if (bundle === null) return null
  const domains = [{ domain: '', bundle }]
  return checkedSecret({ kind: 'trust', name, origin: context.origin, domains }, place, {
    'domains[0].bundle': 'trusted_ca',
  })
}

const spiffeValidator = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig'

const spiffeFields: Coverage = { message: spiffeValidator, read: ['trust_domains'], harmless: {} }

const domainFields: Coverage = {
  message: `${spiffeValidator}.TrustDomain`,
  read: ['name', 'trust_bundle'],
  harmless: {},
}

/** `SPIFFECertValidatorConfig`: the roots of each trust domain. */
function domainsSecret(
  custom: Place,
  name: string,
  { origin, outside }: Context,
): TrustSecret | null {
  const config = typed(custom, 'typed_config')
  if (config === null || config.type !== spiffeValidator) {
    failUnknown(config ?? { type: '', place: custom }, [spiffeValidator])
    return null
  }
  checkFields(config.place, spiffeFields)
  const fieldOf: Record<string, string> = { domains: 'trust_domains' }
  const domains: { domain: string; bundle: string }[] = []
  each(config.place, 'trust_domains').forEach((one, index) => {
    checkFields(one, domainFields)
    // An empty domain of the model serves every peer.
    if (text(one, 'name') === '') fail(one, 'name', 'must not be empty')
    if (inside(one, 'trust_bundle') === null) fail(one, 'trust_bundle', 'must be there')
    const bundle = dataSource(one, 'trust_bundle', outside)
    if (bundle === null) return
    fieldOf[`domains[${domains.length}].bundle`] = `trust_domains[${index}].trust_bundle`
    domains.push({ domain: text(one, 'name'), bundle })
  })
  return checkedSecret({ kind: 'trust', name, origin, domains }, config.place, fieldOf)
}

const sanTypes = { URI: 'uri', DNS: 'dns', IP_ADDRESS: 'ip' } as const

const sanFields: Coverage = {
  message: 'envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher',
  read: ['san_type', 'matcher'],
  harmless: {},
}

/** The names of which a peer must have one, in a CertificateValidationContext; empty when any will do. */
export const peerIdentities = (place: Place): readonly PeerIdentity[] => [
  ...each(place, 'match_typed_subject_alt_names').flatMap(typedIdentity),
  ...each(place, 'match_subject_alt_names').flatMap(anyIdentity),
]

function typedIdentity(place: Place): readonly PeerIdentity[] {
  checkFields(place, sanFields)
  const matcher = inside(place, 'matcher')
  if (matcher === null) fail(place, 'matcher', 'must be there')
  if (place.fields.san_type === undefined) fail(place, 'san_type', 'must be there')
  const type = word(place, 'san_type', ['URI', 'DNS', 'IP_ADDRESS'], 'URI')
  const match = matcher === null ? null : stringMatch(matcher)
  if (match === null) return []
  // Kuma writes host names as addresses, too. Left in, they match nobody; left out, a list of only these would match all.
  if (type === 'IP_ADDRESS' && match.kind !== 'exact') {
    warn(place, 'matcher', 'matches nobody: an IP address is only matched exactly')
  }
  return [{ san: sanTypes[type], match }]
}

/** The older field: a name of any kind. */
function anyIdentity(place: Place): readonly PeerIdentity[] {
  const match = stringMatch(place)
  if (match === null) return []
  const isAddress = match.kind === 'exact' && isIP(match.value) !== 0
  return [
    { san: 'uri', match },
    { san: 'dns', match },
    ...(isAddress ? [{ san: 'ip', match } as const] : []),
  ]
}

export const validationCoverages: readonly Coverage[] = [
  validationFields,
  sanFields,
  spiffeFields,
  domainFields,
]
