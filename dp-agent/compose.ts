import { identitySecret, trustSecret } from '../config/kuma/clusters.ts'
import type { IdentityMaterial, TrustBundle } from '../config/settings.ts'
import type { Emission } from '../config/source.ts'
import type { Origin } from '../proxy/model/origin.ts'
import type { Secret } from '../proxy/model/secret.ts'
import { checkSnapshot, type Snapshot } from '../proxy/model/snapshot.ts'
import { identityProblem } from './identity-files.ts'

/** A whole snapshot, secrets included, or why it cannot be made. */
export type Composed =
  | { readonly ok: true; readonly snapshot: Snapshot }
  /** `wait`: the identity is not there yet. */
  | { readonly ok: false; readonly wait: boolean; readonly message: string }

/**
 * The snapshot of an emission with the secrets it leaves open: our certificate, which must carry one of the SPIFFE IDs
 * that the resources imply, and the bundles we trust, each for its own trust domain only. Without mutual TLS the
 * certificate is left out.
 */
export function compose(emission: Emission, identity: IdentityMaterial | null): Composed {
  const { snapshot, settings, identity: expected } = emission
  if (snapshot === null || settings === null) return refuse('the configuration has errors')
  if (expected === null) return { ok: true, snapshot }
  if (identity === null) {
    const wanted = expected.spiffeIds.join(' or ')
    const message = `mutual TLS is on: waiting for a certificate for ${wanted}; give one with --identity-dir`
    return { ok: false, wait: true, message }
  }
  const problem = identityProblem(identity.chain, expected.spiffeIds)
  if (problem !== null) return refuse(problem)
  const bundles = [...identity.bundles, ...settings.bundles]
  const secrets = secretsOf(identity, bundles, expected.trustDomain)
  const { rejects } = checkSnapshot({ secrets })
  const problems = rejects.flatMap(({ name, problems }) =>
    problems.map(({ path, message }) => `${name} ${path}: ${message}`),
  )
  if (problems.length > 0) return refuse(problems.join('; '))
  return { ok: true, snapshot: { ...snapshot, secrets: [...snapshot.secrets, ...secrets] } }
}

const refuse = (message: string): Composed => ({ ok: false, wait: false, message })

const origin: Origin = { source: 'identity', name: 'the identity directory', version: '' }

function secretsOf(
  { chain, key }: IdentityMaterial,
  bundles: readonly TrustBundle[],
  trustDomain: string,
): readonly Secret[] {
  const byDomain = new Map<string, string>()
  for (const { domain, bundle } of bundles) {
    // A bundle that names no domain is the one of our own.
    const name = domain === '' ? trustDomain : domain
    byDomain.set(name, `${byDomain.get(name) ?? ''}${bundle.trimEnd()}\n`)
  }
  const domains = [...byDomain].map(([domain, bundle]) => ({ domain, bundle }))
  return [
    { kind: 'certificate', name: identitySecret, origin, chain, key },
    { kind: 'trust', name: trustSecret, origin, domains },
  ]
}
