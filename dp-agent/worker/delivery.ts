import { isDeepStrictEqual } from 'node:util'
import { emptySnapshot, type Snapshot } from '../../proxy/model/snapshot.ts'
import type { SnapshotPart, ToWorker } from './messages.ts'

/** Of one message, and of what is sent at a stretch; about an endpoint each. While a message is read nobody is served. */
const maxWeight = 200

/** Brings snapshots to one thread: what differs from those before, piece by piece, no faster than they are taken. */
export interface Delivery {
  /** A newer snapshot takes the place of one that is still on its way. */
  deliver(version: number, snapshot: Snapshot): void
  /** The thread has taken the piece for which it was to tell. */
  taken(): void
}

type Collection = keyof Snapshot
type Resource = Snapshot[Collection][number]

/** `post` reaches a thread that has nothing yet; `rest` is what it gets after each piece once it serves. */
export function newDelivery(
  post: (message: ToWorker) => void,
  rest: () => Promise<void>,
): Delivery {
  const has = new Map<Collection, Map<string, Resource>>()
  let wanted: { readonly version: number; readonly snapshot: Snapshot } | null = null
  let delivering = false
  let serving = false
  let goOn = (): void => {}
  const run = async (): Promise<void> => {
    delivering = true
    for (let next = wanted; next !== null; next = wanted) {
      let weight = 0
      for (const part of partsOf(next.snapshot, has)) {
        take(has, part)
        weight += part.put.reduce((sum, resource) => sum + weightOf(resource), 0)
        const tell = weight >= maxWeight
        post({ kind: 'part', ...part, tell })
        if (!tell) continue
        weight = 0
        // What waits in its queue it would read in one go.
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
        if (serving) await rest()
        if (wanted !== next) break
      }
      if (wanted !== next) continue
      wanted = null
      post({ kind: 'apply', version: next.version })
      serving = true
    }
    delivering = false
  }
  return {
    deliver(version, snapshot) {
      wanted = { version, snapshot }
      if (!delivering) void run()
    },
    taken: () => goOn(),
  }
}

const collections: readonly Collection[] = [
  'secrets',
  'routeTables',
  'clusters',
  'endpoints',
  'listeners',
]

/** What has to be said to who has `has`. */
function* partsOf(
  snapshot: Snapshot,
  has: ReadonlyMap<Collection, ReadonlyMap<string, Resource>>,
): Generator<SnapshotPart> {
  for (const collection of collections) {
    const known = has.get(collection) ?? new Map<string, Resource>()
    const gone = new Set(known.keys())
    let put: Resource[] = []
    let weight = 0
    for (const resource of snapshot[collection] as readonly Resource[]) {
      gone.delete(resource.name)
      if (same(resource, known.get(resource.name))) continue
      put.push(resource)
      weight += weightOf(resource)
      if (weight < maxWeight) continue
      yield { collection, put, gone: [] }
      put = []
      weight = 0
    }
    if (put.length > 0 || gone.size > 0) yield { collection, put, gone: [...gone] }
  }
}

const same = (a: Resource, b: Resource | undefined): boolean => a === b || isDeepStrictEqual(a, b)

const weightOf = (resource: Resource): number =>
  'localities' in resource
    ? resource.localities.reduce((sum, { endpoints }) => sum + endpoints.length, 1)
    : 'virtualHosts' in resource
      ? resource.virtualHosts.reduce((sum, { routes }) => sum + routes.length, 1)
      : 5

function take(
  has: Map<Collection, Map<string, Resource>>,
  { collection, put, gone }: SnapshotPart,
): void {
  const known = has.get(collection) ?? new Map<string, Resource>()
  has.set(collection, known)
  for (const resource of put) known.set(resource.name, resource)
  for (const name of gone) known.delete(name)
}

/** The other side: puts together what `newDelivery` took apart. */
export interface Received {
  take(part: SnapshotPart): void
  snapshot(): Snapshot
}

export function newReceived(): Received {
  const has = new Map<Collection, Map<string, Resource>>()
  const all = (collection: Collection) => [...(has.get(collection)?.values() ?? [])]
  return {
    take: (part) => take(has, part),
    snapshot: () => {
      const lists = collections.map((collection) => [collection, all(collection)])
      return { ...emptySnapshot, ...Object.fromEntries(lists) }
    },
  }
}
