/** A counter of clusters and listeners that a refusal raises. Envoy's names. */
export type TlsCounter =
  | 'ssl_connection_error'
  | 'ssl_fail_verify_error'
  | 'ssl_fail_verify_san'
  | 'ssl_fail_verify_no_cert'

/** Why a TLS connection did not come about: one row a reason, with its counter. `docs/tls.md` says what to do. */
export const tlsRefusals = {
  tls_no_certificate: 'ssl_fail_verify_no_cert',
  tls_certificate_expired: 'ssl_fail_verify_error',
  tls_certificate_not_yet_valid: 'ssl_fail_verify_error',
  tls_bad_certificate: 'ssl_fail_verify_error',
  tls_untrusted_chain: 'ssl_fail_verify_error',
  tls_wrong_trust_domain: 'ssl_fail_verify_error',
  tls_no_spiffe_id: 'ssl_fail_verify_san',
  tls_many_spiffe_ids: 'ssl_fail_verify_san',
  tls_invalid_spiffe_id: 'ssl_fail_verify_san',
  tls_wrong_identity: 'ssl_fail_verify_san',
  tls_plaintext: 'ssl_connection_error',
  tls_handshake_timeout: 'ssl_connection_error',
  tls_handshake_failed: 'ssl_connection_error',
} as const satisfies Record<string, TlsCounter>

export type TlsReason = keyof typeof tlsRefusals

/** A refusal: the response detail, and the counter to raise. */
export interface TlsRefusal {
  /** A `TlsReason`; `tls_handshake_failed` with OpenSSL's or the system's reason in brackets. */
  readonly detail: string
  readonly counter: TlsCounter
}

export const refusal = (reason: TlsReason): TlsRefusal => ({
  detail: reason,
  counter: tlsRefusals[reason],
})

/** What OpenSSL reports when the first bytes were not TLS. */
const plaintextCodes: readonly string[] = [
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNKNOWN_PROTOCOL',
]

/** The refusal for an error of a handshake: `tls_handshake_failed(tlsv1_alert_unknown_ca)`, `…(ECONNRESET)`. */
export function handshakeRefusal(error: NodeJS.ErrnoException): TlsRefusal {
  const code = error.code ?? 'unknown'
  if (plaintextCodes.includes(code)) return refusal('tls_plaintext')
  const reason = code.startsWith('ERR_SSL_') ? code.slice(8).toLowerCase() : code
  return { detail: `tls_handshake_failed(${reason})`, counter: 'ssl_connection_error' }
}
