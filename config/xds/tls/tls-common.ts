import type { PeerIdentity } from '../../../proxy/model/cluster.ts'
import type { TlsVersions } from '../../../proxy/model/listener.ts'
import type { Secret } from '../../../proxy/model/secret.ts'
import { ownServer } from '../reading/config-source.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, insideOrEmpty, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { text, texts, word } from '../reading/values.ts'
import { certificateSecret } from './secret.ts'
import { readServedName, servedName } from './served-secret.ts'
import { tlsVersions } from './tls-parameters.ts'
import { namesRoots, peerIdentities, trustSecret } from './tls-validation.ts'

/** What both sides of TLS have in common, and the secrets it speaks of. */
export interface CommonTls {
  /** Name of the secret with our certificate; null without one. */
  readonly certificate: string | null
  readonly validation: Validation
  readonly alpn: readonly string[]
  readonly versions: TlsVersions
  /** Those that stand in it, named `<owner>/certificate` and `<owner>/trust`. */
  readonly secrets: readonly Secret[]
  /** Names of those that come by SDS, of the control plane or of a server of their own (`servedName`). */
  readonly needs: readonly string[]
}

/** Who the other side must be. */
export interface Validation {
  /** Name of the secret with the roots it must chain to; null when none is named: then nobody is verified. */
  readonly trust: string | null
  readonly identities: readonly PeerIdentity[]
  /** Whether any chain will do all the same (`ACCEPT_UNTRUSTED`). */
  readonly acceptsUntrusted: boolean
}

const commonFields: Coverage = {
  message: 'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext',
  read: [
    'tls_params',
    'tls_certificates',
    'tls_certificate_sds_secret_configs',
    'validation_context',
    'validation_context_sds_secret_config',
    'combined_validation_context',
    'alpn_protocols',
  ],
  harmless: {},
}

/** `CommonTlsContext` in the field `common_tls_context`; absent is an empty one. */
export function commonTls(context: Place, owner: string, env: Context): CommonTls {
  const place = insideOrEmpty(context, 'common_tls_context')
  checkFields(place, commonFields)
  const gathered: Gathered = { owner, env, secrets: [], needs: [] }
  return {
    certificate: certificateName(place, gathered),
    validation: validationOf(place, gathered),
    alpn: texts(place, 'alpn_protocols'),
    versions: tlsVersions(place),
    secrets: gathered.secrets,
    needs: gathered.needs,
  }
}

/** What is found on the way. */
interface Gathered {
  readonly owner: string
  readonly env: Context
  readonly secrets: Secret[]
  readonly needs: string[]
}

function certificateName(place: Place, gathered: Gathered): string | null {
  const inline = each(place, 'tls_certificates')
  const named = each(place, 'tls_certificate_sds_secret_configs')
  if (inline.length + named.length > 1) {
    const field = inline.length > 0 ? 'tls_certificates' : 'tls_certificate_sds_secret_configs'
    fail(place, field, 'only one certificate is supported here')
  }
  const [first] = inline
  if (first === undefined) return named.map((one) => sdsName(one, gathered))[0] ?? null
  const name = `${gathered.owner}/certificate`
  const secret = certificateSecret(first, name, gathered.env)
  if (secret !== null) gathered.secrets.push(secret)
  return name
}

function validationOf(place: Place, gathered: Gathered): Validation {
  const combined = inside(place, 'combined_validation_context')
  if (combined !== null) return combinedValidation(combined, gathered)
  const sds = inside(place, 'validation_context_sds_secret_config')
  if (sds !== null) {
    return { trust: sdsName(sds, gathered), identities: [], acceptsUntrusted: false }
  }
  const inline = inside(place, 'validation_context')
  if (inline === null) return { trust: null, identities: [], acceptsUntrusted: false }
  const name = `${gathered.owner}/trust`
  const secret = trustSecret(inline, name, gathered.env)
  if (secret !== null) gathered.secrets.push(secret)
  const identities = peerIdentities(inline)
  if (identities.length > 0 && !namesRoots(inline)) {
    // Envoy: "SAN-based verification of peer certificates without trusted CA is insecure and not allowed".
    fail(inline, '', 'names of peers mean nothing without a trusted_ca')
  }
  return {
    trust: namesRoots(inline) ? name : null,
    identities,
    acceptsUntrusted: acceptsUntrusted(inline),
  }
}

const combinedFields: Coverage = {
  message: `${commonFields.message}.CombinedCertificateValidationContext`,
  read: ['default_validation_context', 'validation_context_sds_secret_config'],
  harmless: {},
}

/** The names stand in it, the roots come by SDS. */
function combinedValidation(place: Place, gathered: Gathered): Validation {
  checkFields(place, combinedFields)
  const sds = inside(place, 'validation_context_sds_secret_config')
  if (sds === null) fail(place, 'validation_context_sds_secret_config', 'must be there')
  const defaults = insideOrEmpty(place, 'default_validation_context')
  const { env, owner } = gathered
  if (namesRoots(defaults)) {
    warn(defaults, '', 'its roots are not used: those of the secret take their place')
  }
  trustSecret(defaults, owner, env)
  return {
    trust: sds === null ? null : sdsName(sds, gathered),
    identities: peerIdentities(defaults),
    acceptsUntrusted: acceptsUntrusted(defaults),
  }
}

const acceptsUntrusted = (place: Place): boolean =>
  word(
    place,
    'trust_chain_verification',
    ['VERIFY_TRUST_CHAIN', 'ACCEPT_UNTRUSTED'],
    'VERIFY_TRUST_CHAIN',
  ) === 'ACCEPT_UNTRUSTED'

const sdsFields: Coverage = {
  message: 'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig',
  read: ['name', 'sds_config'],
  harmless: {},
}

function sdsName(place: Place, { needs }: Gathered): string {
  checkFields(place, sdsFields)
  const server = ownServer(place, 'sds_config')
  const said = text(place, 'name')
  if (said === '') fail(place, 'name', 'must not be empty')
  if (server === null && readServedName(said) !== null) {
    fail(place, 'name', 'must not end as names of secrets with a server of their own do here')
  }
  const name = server === null ? said : servedName({ name: said, server })
  if (!needs.includes(name)) needs.push(name)
  return name
}

export const commonTlsCoverages: readonly Coverage[] = [commonFields, combinedFields, sdsFields]
