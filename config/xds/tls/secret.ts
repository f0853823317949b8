import type { CertificateSecret, Secret } from '../../../proxy/model/secret.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { dataSource, text } from '../reading/values.ts'
import { checkedSecret, warnWatched } from './pem.ts'
import { namesRoots, peerIdentities, trustSecret } from './tls-validation.ts'

const secretFields: Coverage = {
  message: 'envoy.extensions.transport_sockets.tls.v3.Secret',
  read: ['name', 'tls_certificate', 'validation_context'],
  harmless: {},
}

/**
 * `envoy.extensions.transport_sockets.tls.v3.Secret`: a certificate with its key, or the roots that peers must chain to.
 * Null when it is empty or refused.
 */
export function translateSecret(place: Place, context: Context): Secret | null {
  checkFields(place, secretFields)
  const name = text(place, 'name')
  const certificate = inside(place, 'tls_certificate')
  if (certificate !== null) return certificateSecret(certificate, name, context)
  const validation = inside(place, 'validation_context')
  if (validation === null) {
    warn(place, '', 'is empty: what needs it waits')
    return null
  }
  if (!namesRoots(validation)) fail(validation, '', 'must have a trusted_ca or trust domains')
  if (validation.fields.trust_chain_verification !== undefined) {
    fail(validation, 'trust_chain_verification', 'is not supported in a secret')
  }
  if (peerIdentities(validation).length > 0) {
    const hint = 'say them in the default_validation_context of the cluster or listener'
    fail(validation, '', 'names of peers are not supported in a secret', hint)
  }
  return trustSecret(validation, name, context)
}

const certificateFields: Coverage = {
  message: 'envoy.extensions.transport_sockets.tls.v3.TlsCertificate',
  read: ['certificate_chain', 'private_key', 'watched_directory'],
  harmless: {
    ocsp_staple: 'a peer may do without',
    signed_certificate_timestamp: 'a peer may do without',
  },
}

/** `TlsCertificate` as a secret of that name; null when it is refused. */
export function certificateSecret(
  place: Place,
  name: string,
  { origin, outside }: Context,
): CertificateSecret | null {
  checkFields(place, certificateFields)
  warnWatched(place)
  for (const field of ['certificate_chain', 'private_key']) {
    if (inside(place, field) === null) fail(place, field, 'must be there')
  }
  const chain = dataSource(place, 'certificate_chain', outside)
  const key = dataSource(place, 'private_key', outside)
  if (chain === null || key === null) return null
  return checkedSecret({ kind: 'certificate', name, origin, chain, key }, place, {
    chain: 'certificate_chain',
    key: 'private_key',
  })
}

export const secretCoverages: readonly Coverage[] = [secretFields, certificateFields]
