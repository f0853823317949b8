import type * as v from 'valibot'
import { list, map, maybe, word } from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

const version = word(['TLSAuto', 'TLS10', 'TLS11', 'TLS12', 'TLS13'])

/** Ciphers of TLS 1.2 that Kuma allows. */
export const tlsCiphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305',
] as const

export const meshTlsConf = map({
  mode: maybe(word(['Strict', 'Permissive'])),
  tlsVersion: maybe(map({ min: maybe(version), max: maybe(version) })),
  tlsCiphers: maybe(list(word(tlsCiphers))),
})
export type MeshTlsConf = v.InferOutput<typeof meshTlsConf>
/** Kuma `MeshTLS`. */
export const meshTls = trafficPolicy(meshTlsConf)
