import { merge } from './merge.ts'
import { byNarrowness, type Peer, subsumes } from './peers.ts'
import type { InboundEntry } from './target-ref.ts'

/** What holds for the callers that a peer means; null is everyone. */
export interface PeerConf {
  readonly peer: Peer | null
  readonly conf: unknown
}

/**
 * What holds for each set of callers that the entries name, the narrowest first: of two that match a caller the first
 * counts. Settings for everyone, then those of wider sets, lie below those of a narrower one. Kuma: MeshTimeout,
 * MeshRateLimit and MeshAccessLog `rules` with `matches`.
 */
export function confsByPeer(entries: readonly InboundEntry[]): readonly PeerConf[] {
  const peers = new Map(entries.map(({ peer }) => [JSON.stringify(peer), peer]))
  return [...peers.values()].sort(byNarrowness).map((peer) => {
    // The least narrow first, so that the narrower one overrides.
    const parts = entries
      .filter((entry) => subsumes(entry.peer, peer))
      .sort((a, b) => byNarrowness(b.peer, a.peer))
    const merged = merge(parts.map(({ conf, policy }) => ({ conf, from: policy })))
    return { peer, conf: merged?.conf ?? {} }
  })
}
