import type { Secret } from '../../../proxy/model/secret.ts'
import type { TranslatedCluster } from '../reading/translated.ts'
import type { ControlPlaneAddress } from './stream.ts'

/**
 * Where a cluster is, for gRPC: its first endpoint, trusting what its TLS trusts and expecting the names it expects.
 * `secrets` are those that do not stand in it. Throws when it cannot be used.
 */
export function addressOf(
  {
    cluster,
    endpoints,
    secrets: own,
  }: Pick<TranslatedCluster, 'cluster' | 'endpoints' | 'secrets'>,
  secrets: ReadonlyMap<string, Secret | null>,
): Pick<ControlPlaneAddress, 'target' | 'tls'> {
  const endpoint = endpoints?.localities[0]?.endpoints[0]
  if (endpoint === undefined) {
    throw new Error(`the cluster ${cluster.name} must have an endpoint`)
  }
  const { host, port } = endpoint
  const target = host.startsWith('/') ? `unix:${host}` : `${bracketed(host)}:${port}`
  const { tls } = cluster
  if (tls === null) return { target, tls: null }
  const find = (name: string | null): Secret | null => {
    if (name === null) return null
    const found = own.find((one) => one.name === name) ?? secrets.get(name) ?? null
    if (found === null)
      throw new Error(`the secret ${name} of the cluster ${cluster.name} is not there`)
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
