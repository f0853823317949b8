import { type MetricScope, newStats, type Stats } from './metrics.ts'

/** The statistics of one proxy instance, by scope and name. */
export interface Registry {
  /** The record of that name; made when first asked for, the same one ever after, so that counts outlive a snapshot. */
  scope<S extends MetricScope>(scope: S, name: string): Stats<S>
  /** Forgets a record. Who still holds it may count on; nobody will see it. */
  drop(scope: MetricScope, name: string): void
  /** All records, as they are: structured clone safe, to be read and not changed. */
  all(): Stats[]
}

type Scopes = { readonly [S in MetricScope]: Map<string, Stats<S>> }

export function newRegistry(): Registry {
  const scopes: Scopes = {
    cluster: new Map(),
    http: new Map(),
    tcp: new Map(),
    listener: new Map(),
    server: new Map(),
  }
  return {
    scope<S extends MetricScope>(scope: S, name: string): Stats<S> {
      const known = scopes[scope].get(name)
      if (known !== undefined) return known
      const made = newStats(scope, name)
      scopes[scope].set(name, made)
      return made
    },
    drop: (scope, name) => void scopes[scope].delete(name),
    all: () =>
      Object.values(scopes).flatMap((records: Map<string, Stats>) => [...records.values()]),
  }
}
