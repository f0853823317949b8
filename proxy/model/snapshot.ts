import {
  isRecord,
  list,
  newProblems,
  onlyKeys,
  type Problem,
  type Problems,
  type Raw,
} from '../problems.ts'
import type { Cluster } from './cluster.ts'
import { checkCluster } from './cluster-check.ts'
import type { EndpointGroup } from './endpoint.ts'
import { checkEndpointGroup } from './endpoint-check.ts'
import type { Listener } from './listener.ts'
import { checkListener } from './listener-check.ts'
import type { RouteTable } from './route.ts'
import { checkRouteTable } from './route-check.ts'
import { redactSecret, type Secret } from './secret.ts'
import { checkSecret } from './secret-check.ts'

/**
 * The whole configuration of a proxy: five kinds of named resource that refer to each other by name. Complete (no
 * optional fields; null where there is nothing), JSON-safe, in canonical units (ms, bytes, percent).
 * Routes and filters may name a cluster that is not here: requests that go there are answered with NC (503).
 */
export interface Snapshot {
  readonly listeners: readonly Listener[]
  readonly routeTables: readonly RouteTable[]
  readonly clusters: readonly Cluster[]
  readonly endpoints: readonly EndpointGroup[]
  readonly secrets: readonly Secret[]
}

export const emptySnapshot: Snapshot = {
  listeners: [],
  routeTables: [],
  clusters: [],
  endpoints: [],
  secrets: [],
}

/** The snapshot as it may be shown: secrets are redacted, the rest is valid input. */
export function dumpSnapshot(snapshot: Snapshot): Snapshot {
  return { ...snapshot, secrets: snapshot.secrets.map(redactSecret) }
}

/** A resource that is not in the snapshot, and everything that is wrong with it. */
export interface Reject {
  /** The list it stood in; `snapshot` when the input itself is no snapshot. */
  readonly kind: keyof Snapshot | 'snapshot'
  /** Its name; `#n` by its place in the list when it has none. */
  readonly name: string
  readonly problems: readonly Problem[]
}

/**
 * Raw input → a snapshot of the resources that are right, with every default, and a reject for each that is not.
 * A second resource of a name is rejected, and so is one that refers to a route table or secret which is not there
 * (or was rejected itself). A missing cluster is no mistake: its requests are answered with NC.
 */
export function checkSnapshot(input: unknown): {
  readonly snapshot: Snapshot
  readonly rejects: readonly Reject[]
} {
  const rejects: Reject[] = []
  const raw = checkShape(input, rejects)
  const pick = <K extends keyof Snapshot>(kind: K): Snapshot[K][number][] =>
    checkList<Snapshot[K][number]>(raw, kind, checks[kind], rejects)
  const secrets = pick('secrets')
  const routeTables = pick('routeTables')
  const secretKinds = new Map(secrets.map(({ name, kind }) => [name, kind]))
  const tables = new Set(routeTables.map(({ name }) => name))
  return {
    snapshot: {
      listeners: keep('listeners', pick('listeners'), rejects, (listener, problems) =>
        checkListenerReferences(listener, tables, secretKinds, problems),
      ),
      routeTables,
      clusters: keep('clusters', pick('clusters'), rejects, (cluster, problems) =>
        checkClusterReferences(cluster, secretKinds, problems),
      ),
      endpoints: pick('endpoints'),
      secrets,
    },
    rejects,
  }
}

const checks: {
  readonly [K in keyof Snapshot]: (raw: Raw, problems: Problems) => Snapshot[K][number]
} = {
  listeners: checkListener,
  routeTables: checkRouteTable,
  clusters: checkCluster,
  endpoints: checkEndpointGroup,
  secrets: checkSecret,
}

/** The input as an object whose lists are lists. Nothing of it is repeated: it may be a key in the wrong place. */
function checkShape(input: unknown, rejects: Reject[]): Raw {
  const problems = newProblems()
  const raw = isRecord(input) ? input : {}
  if (raw !== input) problems.add('', 'must be an object')
  const kinds = Object.keys(checks)
  onlyKeys(raw, kinds, '', problems)
  for (const kind of kinds) {
    if (!Array.isArray(raw[kind] ?? [])) problems.add(kind, 'must be a list')
  }
  if (problems.list.length > 0) {
    rejects.push({ kind: 'snapshot', name: '', problems: problems.list })
  }
  return raw
}

/** The good ones of one list, in its order. */
function checkList<T extends { readonly name: string }>(
  raw: Raw,
  kind: keyof Snapshot,
  check: (raw: Raw, problems: Problems) => T,
  rejects: Reject[],
): T[] {
  const good = new Map<string, T>()
  list(raw, kind, '', newProblems()).forEach((entry, index) => {
    const fields = isRecord(entry) ? entry : null
    const name = typeof fields?.name === 'string' ? fields.name : `#${index}`
    const problems = newProblems()
    if (fields === null) problems.add('', 'must be an object')
    else {
      const resource = check(fields, problems)
      if (good.has(name)) problems.add('name', `${name} stands in ${kind} already`)
      if (problems.list.length === 0) good.set(name, resource)
    }
    if (problems.list.length > 0) rejects.push({ kind, name, problems: problems.list })
  })
  return [...good.values()]
}

/** The resources whose references `refer` finds nothing wrong with; the others are rejects. */
function keep<T extends { readonly name: string }>(
  kind: keyof Snapshot,
  resources: readonly T[],
  rejects: Reject[],
  refer: (resource: T, problems: Problems) => void,
): T[] {
  return resources.filter((resource) => {
    const problems = newProblems()
    refer(resource, problems)
    if (problems.list.length === 0) return true
    rejects.push({ kind, name: resource.name, problems: problems.list })
    return false
  })
}

type SecretKinds = ReadonlyMap<string, Secret['kind']>

function checkListenerReferences(
  listener: Listener,
  tables: ReadonlySet<string>,
  secrets: SecretKinds,
  problems: Problems,
): void {
  listener.filterChains.forEach(({ filter, tls }, index) => {
    const at = `filterChains[${index}]`
    if (filter.kind === 'http' && !tables.has(filter.routeTable)) {
      problems.add(`${at}.filter.routeTable`, `names ${filter.routeTable}, which is not there`)
    }
    if (tls === null) return
    checkSecretName(tls.certificate, 'certificate', secrets, `${at}.tls`, problems)
    checkSecretName(tls.trust, 'trust', secrets, `${at}.tls`, problems)
  })
}

function checkClusterReferences({ tls }: Cluster, secrets: SecretKinds, problems: Problems): void {
  if (tls === null) return
  checkSecretName(tls.certificate, 'certificate', secrets, 'tls', problems)
  checkSecretName(tls.trust, 'trust', secrets, 'tls', problems)
}

function checkSecretName(
  name: string | null,
  kind: Secret['kind'],
  secrets: SecretKinds,
  path: string,
  problems: Problems,
): void {
  if (name === null || secrets.get(name) === kind) return
  const why = secrets.has(name) ? `is not a ${kind} secret` : 'is not there'
  problems.add(`${path}.${kind}`, `names ${name}, which ${why}`)
}
