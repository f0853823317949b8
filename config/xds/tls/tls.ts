import type { UpstreamTls } from '../../../proxy/model/cluster.ts'
import type { DownstreamTls } from '../../../proxy/model/listener.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place, warn } from '../reading/report.ts'
import type { Context, TranslatedTls } from '../reading/translated.ts'
import { bool, failUnknown, type Typed, text, typed } from '../reading/values.ts'
import { commonTls } from './tls-common.ts'

const socketFields: Coverage = {
  message: 'envoy.config.core.v3.TransportSocket',
  read: ['typed_config'],
  harmless: { name: 'the type says what it is' },
}

const raw = 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer'
const downstream = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'
const upstream = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'

/**
 * The `transport_socket` of a filter chain; null when it is plaintext, or refused. `owner` begins the names of the secrets
 * that stand in it: `<owner>/certificate`, `<owner>/trust`.
 */
export function downstreamSocket(
  place: Place,
  owner: string,
  context: Context,
): TranslatedTls<DownstreamTls> | null {
  const socket = securedSocket(place, downstream)
  return socket === null ? null : downstreamTls(socket, owner, context)
}

/** The same of a cluster. */
export function upstreamSocket(
  place: Place,
  owner: string,
  context: Context,
): TranslatedTls<UpstreamTls> | null {
  const socket = securedSocket(place, upstream)
  return socket === null ? null : upstreamTls(socket, owner, context)
}

function securedSocket(place: Place, type: string): Place | null {
  const socket = inside(place, 'transport_socket')
  if (socket === null) return null
  checkFields(socket, socketFields)
  const config: Typed = typed(socket, 'typed_config') ?? { type: '', place: socket }
  if (config.type === type) return config.place
  if (config.type !== raw) failUnknown(config, [type, raw])
  return null
}

const downstreamFields: Coverage = {
  message: downstream,
  read: ['common_tls_context', 'require_client_certificate'],
  harmless: {
    session_ticket_keys: 'tickets are under keys of our own, and end with their secret',
    session_timeout: 'a session ends after an hour, or with the certificate',
    prefer_client_ciphers: 'both sides must have a cipher',
  },
}

/** `DownstreamTlsContext`; null when it is refused. `owner` as for `downstreamSocket`. */
export function downstreamTls(
  place: Place,
  owner: string,
  context: Context,
): TranslatedTls<DownstreamTls> | null {
  checkFields(place, downstreamFields)
  const { validation, certificate, secrets, needs, ...rest } = commonTls(place, owner, context)
  const { trust, identities, acceptsUntrusted } = validation
  const isRequired = bool(place, 'require_client_certificate')
  if (isRequired && trust === null) {
    fail(place, 'require_client_certificate', 'needs a trusted_ca to verify clients with')
  }
  if (acceptsUntrusted) {
    fail(place, 'common_tls_context', 'ACCEPT_UNTRUSTED is not supported for clients')
  }
  if (certificate === null) {
    fail(place, 'common_tls_context', 'must have a certificate')
    return null
  }
  // Envoy: who is to have a name must have a certificate, whatever `require_client_certificate` says.
  const requireClientCertificate = isRequired || identities.length > 0
  return {
    tls: { certificate, trust, requireClientCertificate, peerIdentities: identities, ...rest },
    secrets,
    needs,
  }
}

const upstreamFields: Coverage = {
  message: upstream,
  read: ['common_tls_context', 'sni'],
  harmless: {
    allow_renegotiation: 'nobody may',
    max_session_keys: 'how many sessions are kept for resumption',
    enforce_rsa_key_usage: 'OpenSSL always does',
  },
}

/**
 * `UpstreamTlsContext`. A server is not verified when no roots are named, as in Envoy; there is a warning then. Expected
 * names are compared all the same with `ACCEPT_UNTRUSTED`, which Envoy does not. `owner` as for `downstreamSocket`.
 */
export function upstreamTls(
  place: Place,
  owner: string,
  context: Context,
): TranslatedTls<UpstreamTls> {
  checkFields(place, upstreamFields)
  const { validation, secrets, needs, ...rest } = commonTls(place, owner, context)
  const { trust, identities, acceptsUntrusted } = validation
  const skipChain = trust === null || acceptsUntrusted
  if (skipChain) {
    const message = 'the server is not verified: anyone may answer in its place'
    warn(place, 'common_tls_context', message, 'give a validation context with a trusted_ca')
  }
  const sni = text(place, 'sni')
  return {
    tls: {
      trust,
      peerIdentities: identities,
      sni: sni === '' ? null : sni,
      skipChain,
      ...rest,
    },
    secrets,
    needs,
  }
}

export const tlsCoverages: readonly Coverage[] = [socketFields, downstreamFields, upstreamFields]
