import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import type { PeerMatchBody } from '../schemas/parts.ts'

const lists = ['deny', 'allowWithShadowDeny', 'allow'] as const

/**
 * Reports the words of one generation where the other's belong: an `action` among `rules` would name no caller and so
 * mean everyone.
 */
export function checkTrafficPermission(
  policy: Resource<'MeshTrafficPermission'>,
  reporter: Reporter,
): void {
  for (const [index, { default: conf }] of (policy.body.spec.from ?? []).entries()) {
    const path: Path = ['spec', 'from', index, 'default']
    if (conf?.action === undefined) reporter.error(policy, [...path, 'action'], 'is required')
    for (const list of lists) {
      if (conf?.[list] === undefined) continue
      reporter.error(policy, [...path, list], 'belongs in rules; from has an action')
    }
  }
  for (const [index, { default: conf }] of (policy.body.spec.rules ?? []).entries()) {
    const path: Path = ['spec', 'rules', index, 'default']
    if (conf?.action !== undefined) {
      const message = 'belongs in from; rules have deny, allowWithShadowDeny and allow'
      reporter.error(policy, [...path, 'action'], message, { atKey: true })
    }
    for (const list of lists) checkPeers(policy, conf?.[list], [...path, list], reporter)
  }
}

/** A match that names nobody would mean everybody. */
export function checkPeers(
  policy: Resource,
  peers: readonly PeerMatchBody[] | undefined,
  path: Path,
  reporter: Reporter,
): void {
  for (const [index, { spiffeID, sni }] of (peers ?? []).entries()) {
    if (spiffeID !== undefined || sni !== undefined) continue
    reporter.error(policy, [...path, index], 'needs spiffeID or sni')
  }
}
