import type { FilterChain, Listener } from '../../../proxy/model/listener.ts'
import type { Secret } from '../../../proxy/model/secret.ts'

/**
 * Makes a listener demand certificates where it verifies callers by the roots of trust domains: such a validator does so in
 * Envoy whatever `require_client_certificate` says. Known when the secrets are there, which may come by SDS.
 */
export function demandingCertificates(
  secrets: readonly Secret[],
): (listener: Listener) => Listener {
  const names = new Set(secrets.filter(hasDomains).map(({ name }) => name))
  const asksOnly = ({ tls }: FilterChain): boolean =>
    tls !== null && !tls.requireClientCertificate && tls.trust !== null && names.has(tls.trust)
  const demanding = (chain: FilterChain): FilterChain =>
    chain.tls !== null && asksOnly(chain)
      ? { ...chain, tls: { ...chain.tls, requireClientCertificate: true } }
      : chain
  return (listener) =>
    listener.filterChains.some(asksOnly)
      ? { ...listener, filterChains: listener.filterChains.map(demanding) }
      : listener
}

const hasDomains = (secret: Secret): boolean =>
  secret.kind === 'trust' && secret.domains.some(({ domain }) => domain !== '')
