import { getCiphers } from 'node:tls'
import type { TlsVersions } from '../../../proxy/model/listener.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place, warn } from '../reading/report.ts'
import { texts, word } from '../reading/values.ts'

const parameterFields: Coverage = {
  message: 'envoy.extensions.transport_sockets.tls.v3.TlsParameters',
  read: ['tls_minimum_protocol_version', 'tls_maximum_protocol_version', 'cipher_suites'],
  harmless: {},
}

/** `TlsParameters` in the field `tls_params`. Absent: 1.2 to 1.3 on both sides (Envoy's clients stop at 1.2), OpenSSL's ciphers. */
export function tlsVersions(common: Place): TlsVersions {
  const place = inside(common, 'tls_params')
  if (place === null) return { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] }
  checkFields(place, parameterFields)
  const min = version(place, 'tls_minimum_protocol_version', 'TLSv1.2')
  const max = version(place, 'tls_maximum_protocol_version', 'TLSv1.3')
  if (min > max) fail(place, 'tls_minimum_protocol_version', 'must not be above the maximum')
  return { min, max, ciphers: ciphers(place) }
}

const protocols = ['TLS_AUTO', 'TLSv1_0', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3'] as const

function version(place: Place, key: string, auto: TlsVersions['min']): TlsVersions['min'] {
  const found = word(place, key, protocols, 'TLS_AUTO')
  if (found === 'TLS_AUTO') return auto
  if (found === 'TLSv1_0' || found === 'TLSv1_1') {
    warn(place, key, `${found} is not spoken here; 1.2 takes its place`)
  }
  return found === 'TLSv1_3' ? 'TLSv1.3' : 'TLSv1.2'
}

/** Those of TLS 1.2. BoringSSL writes ciphers of equal rank as `[A|B]`; OpenSSL knows no such thing, so they come in that order. */
function ciphers(place: Place): readonly string[] {
  const names = texts(place, 'cipher_suites').flatMap((one) => one.split(/[[\]|:]/))
  const wanted = names.filter((name) => name !== '')
  const known = new Set(getCiphers())
  for (const name of wanted) {
    if (!known.has(name.toLowerCase())) fail(place, 'cipher_suites', `OpenSSL has no ${name}`)
  }
  return wanted
}

export const tlsParameterCoverages: readonly Coverage[] = [parameterFields]
