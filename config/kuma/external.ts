import { isIP } from 'node:net'
import type { PeerIdentity, UpstreamTls } from '../../proxy/model/cluster.ts'
import { type Compiling, originOf } from './compiling.ts'
import { textOf } from './data-source.ts'
import { versionsOf } from './identity.ts'
import type { Resource } from './resources.ts'
import type { MeshExternalServiceBody } from './schemas/destinations.ts'

type Tls = NonNullable<MeshExternalServiceBody['spec']['tls']>
type Verification = NonNullable<Tls['verification']>

/** TLS towards something outside the mesh, its certificates added to the secrets. Null: plaintext. Kuma: MeshExternalService `tls`. */
export function externalTls(
  compiling: Compiling,
  resource: Resource<'MeshExternalService'>,
): UpstreamTls | null {
  const { body } = resource
  const { tls, endpoints = [] } = body.spec
  if (tls?.enabled !== true) return null
  const check = tls.verification ?? {}
  const mode = check.mode ?? 'Secured'
  const addresses = endpoints.map(({ address }) => address).filter((one) => !one.includes('://'))
  const host = check.serverName ?? addresses.find((address) => isIP(address) === 0)
  const noNames = mode === 'SkipSAN' || mode === 'SkipAll'
  return {
    certificate: addCertificate(compiling, resource, check),
    trust: addTrust(compiling, resource, check),
    peerIdentities: noNames ? [] : names(check, addresses),
    sni: host ?? null,
    alpn: alpn[body.spec.match.protocol ?? 'tcp'],
    versions: versionsOf(tls.version),
    skipChain: mode === 'SkipCA' || mode === 'SkipAll',
  }
}

/** What is said in the handshake to be spoken after it. */
const alpn = { tcp: [], http: ['http/1.1'], http2: ['h2'], grpc: ['h2'] } as const

/** The names a server may have: those listed, else the one we call it by, else where it stands. */
function names(check: Verification, addresses: readonly string[]): readonly PeerIdentity[] {
  const listed = check.subjectAltNames ?? []
  const called = check.serverName === undefined ? addresses : [check.serverName]
  const wanted = listed.length > 0 ? listed : [...new Set(called)].map((value) => ({ value }))
  return wanted.map(({ value, ...rest }) => {
    const prefix = 'type' in rest && rest.type === 'Prefix'
    return {
      san: sanOf(value),
      match: { kind: prefix ? 'prefix' : 'exact', value, ignoreCase: false },
    }
  })
}

function sanOf(value: string): PeerIdentity['san'] {
  if (value.includes('://')) return 'uri'
  return isIP(value) === 0 ? 'dns' : 'ip'
}

/** The name of a secret that could not be made is one that the model refuses: no check is left out. */
function addTrust(
  { view, secrets }: Compiling,
  resource: Resource,
  { caCert }: Verification,
): string | null {
  if (caCert === undefined) return null
  const bundle = textOf(caCert, view)
  const name = `external:${resource.name}:trust`
  const origin = originOf(resource)
  if (bundle !== null) {
    secrets.set(name, { kind: 'trust', name, origin, domains: [{ domain: '', bundle }] })
  }
  return name
}

function addCertificate(
  { view, secrets }: Compiling,
  resource: Resource,
  { clientCert, clientKey }: Verification,
): string | null {
  if (clientCert === undefined || clientKey === undefined) return null
  const chain = textOf(clientCert, view)
  const key = textOf(clientKey, view)
  const name = `external:${resource.name}:certificate`
  if (chain !== null && key !== null) {
    secrets.set(name, { kind: 'certificate', name, origin: originOf(resource), chain, key })
  }
  return name
}
