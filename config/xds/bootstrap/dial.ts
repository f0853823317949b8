import type { Secret } from '../../../proxy/model/secret.ts'
import type { ControlPlaneAddress } from '../client/stream.ts'
import type { TranslatedCluster } from '../reading/translated.ts'

/**
 * Where a cluster of the bootstrap is, for gRPC: its first endpoint, trusting what its TLS trusts and expecting the names it
 * expects. `secrets` are those of the bootstrap. Throws when it cannot be used.
 */
export function addressOf(
  { cluster, endpoints, secrets: own }: TranslatedCluster,
  secrets: ReadonlyMap<string, Secret | null>,
): Omit<ControlPlaneAddress, 'metadata'> {
  const endpoint = endpoints?.localities[0]?.endpoints[0]
  if (endpoint === undefined) {
    throw new Error('the cluster of the control plane must have an endpoint in the bootstrap')
  }
  const { host, port } = endpoint
  const target = host.startsWith('/') ? `unix:${host}` : `${bracketed(host)}:${port}`
  const { tls } = cluster
  if (tls === null) return { target, tls: null }
  const find = (name: string | null): Secret | null => {
    if (name === null) return null
    const found = own.find((one) => one.name === name) ?? secrets.get(name) ?? null
    if (found === null) throw new Error(`the secret ${name} of the control plane is not there`)
    return found
  }
  const trust = find(tls.trust)
  const certificate = find(tls.certificate)
  return {
    target,
    tls: {
      ca: trust?.kind === 'trust' ? trust.domains.map(({ bundle }) => bundle).join('\n') : null,
      cert: certificate?.kind === 'certificate' ? certificate.chain : null,
      key: certificate?.kind === 'certificate' ? certificate.key : null,
      serverName: tls.sni,
      expected: tls.peerIdentities,
      skipVerify: tls.skipChain,
    },
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
