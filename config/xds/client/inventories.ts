import { readServedName, type SecretServer, servedName, suffixOf } from '../tls/served-secret.ts'
import type { Incoming, Inventory } from './inventory.ts'
import { innerName } from './store.ts'

const isServed = (name: string): boolean => readServedName(name) !== null

/** What is asked of the control plane: all but the secrets of other servers, which it cannot give or take away. */
export const inventoryOfControlPlane = (all: Inventory): Inventory => ({
  versions: (kind) => all.versions(kind),
  wanted(kind) {
    const names = all.wanted(kind)
    return kind === 'secrets' ? new Set([...names].filter((name) => !isServed(name))) : names
  },
  take(kind, put, removed) {
    if (kind !== 'secrets') return all.take(kind, put, removed)
    const named = put.map(withName).filter(({ name }) => !isServed(name))
    return all.take(
      kind,
      named,
      removed === 'complete' ? [] : removed.filter((name) => !isServed(name)),
    )
  },
})

/** The secrets of one server, by the names it has for them. */
export function inventoryOfServer(all: Inventory, server: SecretServer): Inventory {
  const suffix = suffixOf(server)
  const known = (name: string): string => servedName({ name, server })
  const own = (name: string): readonly string[] =>
    name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []
  return {
    versions: (kind) =>
      new Map(
        [...all.versions(kind)].flatMap(([name, version]) =>
          own(name).map((plain) => [plain, version] as const),
        ),
      ),
    wanted: (kind) => new Set([...all.wanted(kind)].flatMap(own)),
    take: (kind, put, removed) =>
      all.take(
        kind,
        put.map(withName).map((one) => ({ ...one, name: known(one.name) })),
        removed === 'complete' ? [] : removed.map(known),
      ),
  }
}

const withName = (one: Incoming): Incoming =>
  one.name === '' ? { ...one, name: innerName('secrets', one) } : one
