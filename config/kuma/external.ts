import { isIP } from 'node:net'
import type { PeerIdentity, UpstreamTls } from '../../proxy/model/cluster.ts'
import type { Secret } from '../../proxy/model/secret.ts'
import { originOf } from './compiling.ts'
import { defaultVersions } from './identity.ts'
import type { Resource } from './resources.ts'
import type { MeshExternalServiceBody } from './schemas/destinations.ts'

type Tls = NonNullable<MeshExternalServiceBody['spec']['tls']>
type Verification = NonNullable<Tls['verification']>
type DataSource = NonNullable<Verification['caCert']>

/** TLS towards something outside the mesh, its certificates added to the secrets. Null: plaintext. Kuma: MeshExternalService `tls`. */
export function externalTls(
  resource: Resource<'MeshExternalService'>,
  secrets: Map<string, Secret>,
): UpstreamTls | null {
  const { tls, endpoints = [] } = resource.body.spec
  if (tls?.enabled !== true) return null
  const check = tls.verification ?? {}
  const mode = check.mode ?? 'Secured'
  const host = check.serverName ?? endpoints.find(({ address }) => isIP(address) === 0)?.address
  const noNames = mode === 'SkipSAN' || mode === 'SkipAll'
  return {
    certificate: addCertificate(resource, check, secrets),
    trust: addTrust(resource, check, secrets),
    peerIdentities: noNames ? [] : names(check, host),
    sni: host ?? null,
    alpn: ['http/1.1'],
    versions: {
      ...defaultVersions,
      min: tls.version?.min === 'TLS13' ? 'TLSv1.3' : 'TLSv1.2',
      max: tls.version?.max === 'TLS12' ? 'TLSv1.2' : 'TLSv1.3',
    },
    skipChain: mode === 'SkipCA' || mode === 'SkipAll',
  }
}

/** The names a server may have: those listed, else the one we call it by. */
function names(check: Verification, host: string | undefined): readonly PeerIdentity[] {
  const listed = check.subjectAltNames ?? []
  const wanted = listed.length > 0 || host === undefined ? listed : [{ value: host }]
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

function addTrust(
  resource: Resource,
  { caCert }: Verification,
  secrets: Map<string, Secret>,
): string | null {
  const bundle = caCert === undefined ? null : textOf(caCert)
  if (bundle === null) return null
  const name = `external:${resource.name}:trust`
  const origin = originOf(resource)
  secrets.set(name, { kind: 'trust', name, origin, domains: [{ domain: '', bundle }] })
  return name
}

function addCertificate(
  resource: Resource,
  { clientCert, clientKey }: Verification,
  secrets: Map<string, Secret>,
): string | null {
  const chain = clientCert === undefined ? null : textOf(clientCert)
  const key = clientKey === undefined ? null : textOf(clientKey)
  if (chain === null || key === null) return null
  const name = `external:${resource.name}:certificate`
  secrets.set(name, { kind: 'certificate', name, origin: originOf(resource), chain, key })
  return name
}

/** PEM from the inline forms; `inline` is base64, as in Kuma. */
function textOf({ inline, inlineString, insecureInline }: DataSource): string | null {
  if (inlineString !== undefined) return inlineString
  if (insecureInline !== undefined) return insecureInline.value
  const encoded = typeof inline === 'object' ? inline.value : inline
  return encoded === undefined ? null : Buffer.from(encoded, 'base64').toString('utf8')
}
