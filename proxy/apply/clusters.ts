import { isDeepStrictEqual } from 'node:util'
import {
  type Cluster,
  closeCluster,
  newCluster,
  setEndpoints,
  updateCluster,
} from '../cluster/cluster.ts'
import { systemResolve } from '../cluster/discovery.ts'
import type { Cluster as ClusterConfig } from '../model/cluster.ts'
import type { EndpointGroup } from '../model/endpoint.ts'
import { newPause } from '../pace.ts'
import { collectHooks } from '../route/compile.ts'
import { connectEndpoint } from '../upstream/connect.ts'
import { newPool } from '../upstream/pool.ts'
import { newClientTls } from '../upstream/tls.ts'
import {
  byName,
  certificate,
  failed,
  hooksAt,
  type Pass,
  sameContent,
  trust,
  usesChanged,
} from './pass.ts'

/** What is to be done for one cluster in the tick in which everything is swapped. */
interface ClusterStep {
  readonly config: ClusterConfig
  readonly old: ClusterConfig | undefined
  /** Made beside the old ones, endpoints, policies and all; null where one of this name stays. */
  readonly fresh: Cluster | null
  /** To be given to one that stays; null when its endpoints are what they were. */
  readonly group: EndpointGroup | null
  /** One that stays has other settings, or other secrets. */
  readonly changed: boolean
}

/**
 * Compares and builds, changing nothing that serves, with pauses in which requests are served: for a thousand clusters with ten
 * endpoints each that takes a hundred times as long as a request. Those with which nothing is to be done are left out.
 */
export async function prepareClusters(pass: Pass): Promise<readonly ClusterStep[]> {
  const groups = byName(pass.next.endpoints)
  const oldConfigs = byName(pass.rt.snapshot.clusters)
  const oldGroups = byName(pass.rt.snapshot.endpoints)
  const serving = pass.rt.snapshot.listeners.length > 0
  const pause = newPause(pass.rt.env.clock)
  const steps: ClusterStep[] = []
  for (const config of pass.next.clusters) {
    const { name } = config
    const group = groups.get(name)
    try {
      const existing = pass.rt.env.clusters.get(name)
      const old = oldConfigs.get(name)
      if (existing === undefined) {
        const fresh = prepareCluster(pass, config, group)
        steps.push({ config, old, fresh, group: null, changed: false })
      } else {
        const moved = old === undefined || !sameContent(group, oldGroups.get(name))
        const changed = !sameContent(config, old) || usesChanged(pass, config.tls)
        if (!changed) keepPolicies(pass, config, existing)
        const next = moved && group !== undefined ? group : null
        if (changed || next !== null) steps.push({ config, old, fresh: null, group: next, changed })
      }
    } catch (error) {
      failed(pass, `cluster ${name}`, error)
    }
    if (serving) await pause()
  }
  return steps
}

function prepareCluster(
  pass: Pass,
  config: ClusterConfig,
  group: EndpointGroup | undefined,
): Cluster {
  const cluster = makeCluster(pass, config)
  cluster.tls = clientTls(pass, config)
  keepPolicies(pass, config, cluster)
  if (group !== undefined) setEndpoints(cluster, group)
  return cluster
}

function keepPolicies(pass: Pass, config: ClusterConfig, cluster: Cluster): void {
  const lists = collectHooks(config.policies, `cluster/${config.name}`, (place, policy) =>
    hooksAt(pass, place, policy, cluster),
  )
  cluster.attempt = lists.attempt
  cluster.outcome = lists.outcome
}

/** Puts new clusters in place, gives new settings and endpoints to those that stay. */
export function applyClusters(pass: Pass, steps: readonly ClusterStep[]): void {
  const { clusters } = pass.rt.env
  for (const { config, old, fresh, group, changed } of steps) {
    const cluster = fresh ?? clusters.get(config.name)
    if (cluster === undefined) continue
    try {
      if (changed) changeCluster(pass, cluster, config, old)
      if (group !== null) setEndpoints(cluster, group)
      clusters.set(config.name, cluster)
    } catch (error) {
      failed(pass, `cluster ${config.name}`, error)
    }
  }
}

function changeCluster(
  pass: Pass,
  cluster: Cluster,
  config: ClusterConfig,
  old: ClusterConfig | undefined,
): void {
  if (usesChanged(pass, config.tls) || !sameWire(config, old)) {
    cluster.tls = clientTls(pass, config)
    // Resting connections were made, and their peers checked, by what holds no longer; busy ones end after their exchange.
    for (const { pools } of cluster.endpoints) for (const pool of pools) pool.renew()
  }
  if (!sameContent(config, old)) updateCluster(cluster, config)
  keepPolicies(pass, config, cluster)
}

function makeCluster(pass: Pass, config: ClusterConfig): Cluster {
  const { env, registry, sinks } = pass.rt
  return newCluster(config, {
    clock: env.clock,
    log: env.log,
    stats: registry.scope('cluster', config.name),
    newPool: (endpoint, speaks) => newPool(endpoint, speaks, env),
    connect: (endpoint, speaks, done) => connectEndpoint(endpoint, speaks, env, done),
    resolve: systemResolve,
    logHealth: (path, line) => sinks.open({ kind: 'file', path }).write(line),
  })
}

/** Nothing differs that an open connection was made with. */
const sameWire = (a: ClusterConfig, b: ClusterConfig | undefined): boolean =>
  b !== undefined &&
  a.protocol === b.protocol &&
  a.bindAddress === b.bindAddress &&
  isDeepStrictEqual(a.tls, b.tls)

function clientTls(pass: Pass, config: ClusterConfig): ReturnType<typeof newClientTls> | null {
  if (config.tls === null) return null
  return newClientTls(
    config.tls,
    config.tls.certificate === null ? null : certificate(pass, config.tls.certificate),
    config.tls.trust === null ? null : trust(pass, config.tls.trust),
    pass.rt.env,
  )
}

/** Closes the clusters that are gone; exchanges that hold one finish. */
export function dropClusters(pass: Pass): void {
  const { env, registry } = pass.rt
  const kept = byName(pass.next.clusters)
  for (const [name, cluster] of env.clusters) {
    if (kept.has(name)) continue
    env.clusters.delete(name)
    closeCluster(cluster)
    registry.drop('cluster', name)
  }
}
