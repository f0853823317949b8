import type { TLSSocket } from 'node:tls'
import type { ConnectionTls } from '../exchange.ts'

/** What upstream connections of a cluster need for TLS; made anew when a certificate or bundle changes. */
export interface ClientTls {
  readonly sni: string | null
}

/** The verdict on a finished handshake. A refusal carries the response detail and the counter to raise. */
export type TlsVerdict =
  | { readonly ok: true; readonly tls: ConnectionTls }
  | {
      readonly ok: false
      /** `tls_certificate_expired`, `tls_wrong_identity` … : see `docs/tls.md`. */
      readonly detail: string
      readonly counter:
        | 'ssl_connection_error'
        | 'ssl_fail_verify_error'
        | 'ssl_fail_verify_san'
        | 'ssl_fail_verify_no_cert'
    }

/** A TLS socket whose peer has been checked. */
export type SecuredSocket = { readonly socket: TLSSocket; readonly tls: ConnectionTls }
