import type { StringMatch } from '../../proxy/matcher.ts'
import type { PeerMatch } from '../../proxy/peer-match.ts'
import { serviceTag } from './mesh-view.ts'
import type { PeerMatchBody } from './schemas/parts.ts'
import type { FromRef } from './schemas/target-ref.ts'

/** Who calls: parts that are null or empty are not looked at. */
export interface Peer {
  readonly spiffeId: StringMatch | null
  /** 2.x tags, as further URI SANs `kuma://<tag>/<value>`; all must be there. */
  readonly tags: readonly StringMatch[]
  readonly sni: StringMatch | null
}

const exact = (value: string): StringMatch => ({ kind: 'exact', value, ignoreCase: false })
const prefix = (value: string): StringMatch => ({ kind: 'prefix', value, ignoreCase: false })

/** The SPIFFE ID of a 2.x service. Kuma: `Mesh.mtls`. */
export const serviceSpiffeId = (mesh: string, service: string): string =>
  `spiffe://${mesh}/${service}`

/** A match of 3.0 `rules`. */
export function peerOfMatch({ spiffeID, sni }: PeerMatchBody): Peer {
  const match = spiffeID?.type === 'Prefix' ? prefix : exact
  return {
    spiffeId: spiffeID === undefined ? null : match(spiffeID.value),
    tags: [],
    sni: sni === undefined ? null : exact(sni.value),
  }
}

/** A caller of 2.x `from`; null for the whole mesh. */
export function peerOfRef(ref: FromRef, mesh: string): Peer | null {
  if (ref.kind === 'Mesh') return null
  const named = ref.name === undefined ? {} : { [serviceTag]: ref.name }
  const { [serviceTag]: service, ...tags } = { ...ref.tags, ...named }
  const any = service === undefined || service === '*'
  return {
    spiffeId: any ? null : exact(serviceSpiffeId(mesh, service)),
    tags: Object.entries(tags).map(([tag, value]) =>
      value === '*' ? prefix(`kuma://${tag}/`) : exact(`kuma://${tag}/${value}`),
    ),
    sni: null,
  }
}

/** Whether everyone whom `inner` means is meant by `outer` as well; null means everyone. */
export function subsumes(outer: Peer | null, inner: Peer | null): boolean {
  if (outer === null) return true
  if (inner === null) return false
  const covers = (wide: StringMatch | null, narrow: StringMatch | null): boolean => {
    if (wide === null) return true
    if (narrow === null) return false
    if (wide.kind === 'prefix') return narrow.value.startsWith(wide.value)
    return narrow.kind === wide.kind && narrow.value === wide.value
  }
  const tagged = outer.tags.every((tag) => inner.tags.some(({ value }) => value === tag.value))
  return tagged && covers(outer.spiffeId, inner.spiffeId) && covers(outer.sni, inner.sni)
}

/** A caller as policies of the model name one; null is everyone. */
export const peerMatchOf = (peer: Peer | null): PeerMatch | null =>
  peer === null
    ? null
    : {
        uriSans: [...(peer.spiffeId === null ? [] : [peer.spiffeId]), ...peer.tags],
        sni: peer.sni,
      }

/** Order of the narrowest first: exact ID, longer prefix, SNI alone, everyone. Kuma: inbound `rules`. */
export function byNarrowness(a: Peer | null, b: Peer | null): number {
  const rank = (peer: Peer | null): number => {
    if (peer === null) return 3
    if (peer.spiffeId === null) return 2
    return peer.spiffeId.kind === 'exact' ? 0 : 1
  }
  const length = (peer: Peer | null): number => peer?.spiffeId?.value.length ?? 0
  return rank(a) - rank(b) || length(b) - length(a)
}
