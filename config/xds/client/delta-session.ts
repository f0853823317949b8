import type { Raw } from '../../../proxy/problems.ts'
import type { Inventory, Session } from './inventory.ts'
import { type ResourceKind, resourceTypes } from './resource-type.ts'
import { readDelta, reasonOf } from './response.ts'
import type { DiscoveryService } from './service.ts'

/** What the server has been told of one kind on this stream. */
interface Told {
  /** It has been asked for at all. */
  asked: boolean
  readonly names: Set<string>
}

/**
 * The incremental protocol (xDS v3, as `DeltaAggregatedResources`) of one stream. On a new stream the server is told what we
 * have, so that it sends what has changed alone. A response is acknowledged, or refused with the reason of each resource;
 * its good resources are taken either way.
 */
export function newDeltaSession(
  node: Raw,
  inventory: Inventory,
  { kinds, delta: method }: DiscoveryService,
): Session {
  const told = new Map(
    kinds.map((kind): [ResourceKind, Told] => [kind, { asked: false, names: new Set() }]),
  )
  let introduced = false
  const request = (kind: ResourceKind, fields: Raw): Raw => {
    const first = introduced ? {} : { node }
    introduced = true
    return { ...first, type_url: resourceTypes[kind].url, ...fields }
  }
  /** Asks for what is needed and not asked for, and no more for what is not needed. */
  const adjust = (kind: ResourceKind): readonly Raw[] => {
    const have = told.get(kind)
    if (have === undefined) return []
    const wanted = resourceTypes[kind].wildcard ? everything : inventory.wanted(kind)
    const more = [...wanted].filter((name) => !have.names.has(name))
    const less = [...have.names].filter((name) => !wanted.has(name))
    if (more.length === 0 && less.length === 0) return []
    const versions = have.asked ? null : versionsOf(inventory, kind, wanted)
    have.asked = true
    for (const name of more) have.names.add(name)
    for (const name of less) have.names.delete(name)
    return [
      request(kind, {
        ...(more.length > 0 && { resource_names_subscribe: more }),
        ...(less.length > 0 && { resource_names_unsubscribe: less }),
        ...(versions !== null && { initial_resource_versions: versions }),
      }),
    ]
  }
  return {
    method,
    requestType: 'envoy.service.discovery.v3.DeltaDiscoveryRequest',
    ask: () => kinds.flatMap(adjust),
    *receive(bytes) {
      const response = readDelta(bytes)
      if (typeof response === 'string') {
        return { requests: [], kind: null, refusals: [], fatal: response }
      }
      const { kind, nonce, url, put, removed, problems } = response
      if (kind === null || told.get(kind)?.asked !== true) {
        const message = 'this type was not asked for'
        const nack = { type_url: url, response_nonce: nonce, error_detail: { code: 3, message } }
        return { requests: [nack], kind: null, refusals: [], fatal: null }
      }
      const refusals = yield* inventory.take(kind, put, removed)
      const reason = reasonOf(problems, refusals)
      const answer = request(kind, {
        response_nonce: nonce,
        ...(reason !== '' && { error_detail: { code: 3, message: reason } }),
      })
      return { requests: [answer, ...kinds.flatMap(adjust)], kind, refusals, fatal: null }
    },
  }
}

const everything: ReadonlySet<string> = new Set(['*'])

function versionsOf(
  inventory: Inventory,
  kind: ResourceKind,
  wanted: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const versions = [...inventory.versions(kind)]
  return Object.fromEntries(
    resourceTypes[kind].wildcard ? versions : versions.filter(([name]) => wanted.has(name)),
  )
}
