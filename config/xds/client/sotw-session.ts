import type { Raw } from '../../../proxy/problems.ts'
import type { Inventory, Session } from './inventory.ts'
import { type ResourceKind, resourceTypes } from './resource-type.ts'
import { readStateOfTheWorld, reasonOf } from './response.ts'
import type { DiscoveryService } from './service.ts'

/** What was last said of one kind on this stream. */
interface Told {
  asked: boolean
  names: readonly string[]
  nonce: string
}

/** The version of a kind that was last taken without refusal; outlives a stream. */
export type AcceptedVersions = Map<ResourceKind, string>

/**
 * The state-of-the-world protocol (xDS v3, as `StreamAggregatedResources`) of one stream: a response has all of a kind, or, of
 * a kind asked for by name, any of those asked for. What is not in a response of all clusters or listeners is gone.
 */
export function newSotwSession(
  node: Raw,
  inventory: Inventory,
  accepted: AcceptedVersions,
  { kinds, stateOfTheWorld: method }: DiscoveryService,
): Session {
  const told = new Map(
    kinds.map((kind): [ResourceKind, Told] => [kind, { asked: false, names: [], nonce: '' }]),
  )
  let introduced = false
  const request = (kind: ResourceKind, { names, nonce }: Told, error: string): Raw => {
    const first = introduced ? {} : { node }
    introduced = true
    const version = accepted.get(kind) ?? ''
    return {
      ...first,
      type_url: resourceTypes[kind].url,
      ...(version !== '' && { version_info: version }),
      ...(names.length > 0 && { resource_names: names }),
      ...(nonce !== '' && { response_nonce: nonce }),
      ...(error !== '' && { error_detail: { code: 3, message: error } }),
    }
  }
  const adjust = (kind: ResourceKind): readonly Raw[] => {
    const have = told.get(kind)
    if (have === undefined) return []
    const names = resourceTypes[kind].wildcard ? [] : [...inventory.wanted(kind)].sort()
    const asks = resourceTypes[kind].wildcard || names.length > 0
    if (have.asked ? names.join('\n') === have.names.join('\n') : !asks) return []
    have.asked = true
    have.names = names
    return [request(kind, have, '')]
  }
  return {
    method,
    requestType: 'envoy.service.discovery.v3.DiscoveryRequest',
    ask: () => kinds.flatMap(adjust),
    *receive(bytes) {
      const response = readStateOfTheWorld(bytes)
      if (typeof response === 'string') {
        return { requests: [], kind: null, refusals: [], fatal: response }
      }
      const { kind, nonce, url, version, put, problems } = response
      const have = kind === null ? undefined : told.get(kind)
      if (kind === null || have?.asked !== true) {
        const message = 'this type was not asked for'
        const nack = { type_url: url, response_nonce: nonce, error_detail: { code: 3, message } }
        return { requests: [nack], kind: null, refusals: [], fatal: null }
      }
      have.nonce = nonce
      const { wildcard } = resourceTypes[kind]
      const refusals = yield* inventory.take(kind, put, wildcard ? 'complete' : [])
      const reason = reasonOf(problems, refusals)
      if (reason === '') accepted.set(kind, version)
      // The answer tells the names that are needed now, so that one request does for both.
      if (!wildcard) have.names = [...inventory.wanted(kind)].sort()
      const answer = request(kind, have, reason)
      return { requests: [answer, ...kinds.flatMap(adjust)], kind, refusals, fatal: null }
    },
  }
}
