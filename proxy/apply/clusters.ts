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
import { newPause } from './pause.ts'

/** What is to be done for one cluster in the tick in which everything is swapped. */
export interface ClusterStep {
  readonly config: ClusterConfig
  readonly old: ClusterConfig | undefined
  /** Made beside the old ones, endpoints and all; null where one of this name stays. */
  readonly fresh: Cluster | null
  /** To be given to one that stays; null when its endpoints are what they were. */
  readonly group: EndpointGroup | null
  /** Its settings are what they were, and so are its secrets: there is nothing to do. */
  readonly same: boolean
}

/**
 * Compares and builds, touching nothing that serves, with pauses in which requests are served: of a thousand clusters with ten
 * endpoints each that takes a hundred times as long as a request.
 */
export async function prepareClusters(pass: Pass): Promise<readonly ClusterStep[]> {
  const groups = byName(pass.next.endpoints)
  const oldConfigs = byName(pass.rt.snapshot.clusters)
  const oldGroups = byName(pass.rt.snapshot.endpoints)
  const pause = newPause(pass.rt.env.clock)
  const steps: ClusterStep[] = []
  for (const config of pass.next.clusters) {
    const { name } = config
    const old = oldConfigs.get(name)
    const group = groups.get(name) ?? null
    try {
      const exists = pass.rt.env.clusters.has(name)
      const fresh = exists ? null : prepareCluster(pass, config, group)
      const sameGroup = old !== undefined && sameContent(group ?? undefined, oldGroups.get(name))
      const same = exists && sameContent(config, old) && !usesChanged(pass, config.tls)
      steps.push({ config, old, fresh, group: fresh !== null || sameGroup ? null : group, same })
    } catch (error) {
      failed(pass, `cluster ${name}`, error)
    }
    await pause()
  }
  return steps
}

function prepareCluster(pass: Pass, config: ClusterConfig, group: EndpointGroup | null): Cluster {
  const cluster = makeCluster(pass, config)
  cluster.tls = clientTls(pass, config)
  if (group !== null) setEndpoints(cluster, group)
  return cluster
}

/** Puts new clusters in place, gives new settings and endpoints to those that stay. */
export function applyClusters(pass: Pass, steps: readonly ClusterStep[]): void {
  for (const step of steps) {
    try {
      applyCluster(pass, step)
    } catch (error) {
      failed(pass, `cluster ${step.config.name}`, error)
    }
  }
}

function applyCluster(pass: Pass, { config, old, fresh, group, same }: ClusterStep): void {
  const { env } = pass.rt
  const cluster = fresh ?? env.clusters.get(config.name)
  if (cluster === undefined) return
  if (fresh === null && !same) {
    if (usesChanged(pass, config.tls) || !sameWire(config, old)) {
      cluster.tls = clientTls(pass, config)
      // Resting connections were made, and their peers checked, by what holds no longer; busy ones end after their exchange.
      for (const endpoint of cluster.endpoints) endpoint.pool?.renew()
    }
    if (!sameContent(config, old)) updateCluster(cluster, config)
  }
  const lists = collectHooks(config.policies, `cluster/${config.name}`, (place, policy) =>
    hooksAt(pass, place, policy, cluster),
  )
  cluster.attempt = lists.attempt
  cluster.outcome = lists.outcome
  env.clusters.set(config.name, cluster)
  if (group !== null) setEndpoints(cluster, group)
}

function makeCluster(pass: Pass, config: ClusterConfig): Cluster {
  const { env, registry, sinks } = pass.rt
  return newCluster(config, {
    clock: env.clock,
    log: env.log,
    stats: registry.scope('cluster', config.name),
    newPool: (endpoint) => newPool(endpoint, env),
    connect: (endpoint, done) => connectEndpoint(endpoint, env, done),
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
