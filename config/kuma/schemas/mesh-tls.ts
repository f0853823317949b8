import type * as v from 'valibot'
import { list, map, maybe, someOf, word } from './shapes.ts'
import { fromList, ruleList, trafficPolicy } from './target-ref.ts'

/** Versions as Kuma names them. */
export const tlsVersion = word(['TLSAuto', 'TLS10', 'TLS11', 'TLS12', 'TLS13'])

/** Oldest and newest version. */
export const tlsVersions = map({
  min: maybe(tlsVersion, 'Oldest version that is spoken; TLS12 at least.', 'TLSAuto'),
  max: maybe(tlsVersion, 'Newest version that is spoken.', 'TLSAuto'),
})

/** Ciphers of TLS 1.2 that Kuma allows. */
export const tlsCiphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305',
] as const

const conf = map({
  mode: maybe(
    word(['Strict', 'Permissive']),
    'Strict: mutual TLS alone. Permissive: plaintext and the TLS of the application as well. Default that of Mesh.mtls, else Strict.',
  ),
  tlsVersion: maybe(tlsVersions, 'Versions between proxies.'),
  tlsCiphers: maybe(list(word(tlsCiphers)), 'Ciphers of TLS 1.2, the best first.'),
})
export const meshTlsConf = someOf(['mode', 'tlsVersion', 'tlsCiphers'], conf)
export type MeshTlsConf = v.InferOutput<typeof meshTlsConf>
/** Kuma `MeshTLS`. */
export const meshTls = trafficPolicy('How proxies speak mutual TLS with each other.', {
  from: fromList(meshTlsConf),
  rules: ruleList(meshTlsConf),
})
