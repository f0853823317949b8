import * as v from 'valibot'

/** What the two sides of a feed say to each other: JSON objects, one in a WebSocket message. `docs/feed.md` explains them. */

export const protocolVersion = 1

/** `kuma`: resources as in files. `model`: what they compile to (`proxy/model`). */
export type FeedFormat = 'kuma' | 'model'

/** A resource of Kuma, or one of the model with the list it belongs to. */
export type FeedItem = Readonly<Record<string, unknown>>

/** From the sidecar. */
export type FromSidecar =
  | {
      readonly type: 'hello'
      readonly protocol: typeof protocolVersion
      readonly node: { readonly name: string; readonly mesh: string; readonly version: string }
      /** What it has from before, if anything; null asks for a snapshot. */
      readonly have: string | null
    }
  | { readonly type: 'ack'; readonly version: string }
  | {
      readonly type: 'nack'
      readonly version: string
      readonly problems: readonly FeedProblem[]
    }
  /** A patch did not fit what it has: it needs a snapshot. */
  | { readonly type: 'resync'; readonly have: string | null; readonly reason: string }

export interface FeedProblem {
  /** As in `MeshRetry/foo`; empty when no resource is to blame. */
  readonly resource: string
  readonly path: string
  readonly message: string
  readonly hint: string | null
  readonly severity: 'error' | 'warning'
}

const version = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const item = v.record(v.string(), v.unknown())
const format = v.picklist(['kuma', 'model'])

/** To the sidecar. Fields that are not known are passed over, so that servers may say more later. */
export const fromServer = v.variant('type', [
  v.object({ type: v.literal('snapshot'), version, format, resources: v.array(item) }),
  v.object({
    type: v.literal('patch'),
    base: version,
    version,
    put: v.optional(v.array(item), []),
    remove: v.optional(v.array(item), []),
  }),
  v.object({ type: v.literal('current'), version }),
  v.object({ type: v.literal('error'), message: v.pipe(v.string(), v.maxLength(2_000)) }),
])
export type FromServer = v.InferOutput<typeof fromServer>

/** What names a resource in a feed, or why it has no name. */
export function keyOf(format: FeedFormat, given: FeedItem): string | { readonly wrong: string } {
  const [first, name] =
    format === 'kuma'
      ? [given.type, given.name]
      : [given.collection, nameIn(given.resource) ?? given.name]
  if (typeof first !== 'string' || first === '') {
    return { wrong: `has no ${format === 'kuma' ? 'type' : 'collection'}` }
  }
  if (typeof name !== 'string' || name === '') return { wrong: `${first} has no name` }
  const mesh = format === 'kuma' && typeof given.mesh === 'string' ? given.mesh : ''
  return `${first}/${mesh}/${name}`
}

function nameIn(resource: unknown): unknown {
  return typeof resource === 'object' && resource !== null && 'name' in resource
    ? resource.name
    : undefined
}
