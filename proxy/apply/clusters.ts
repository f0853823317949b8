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

/** Makes new clusters, gives new settings and endpoints to those that stay. */
export function applyClusters(pass: Pass): void {
  const groups = byName(pass.next.endpoints)
  const oldConfigs = byName(pass.rt.snapshot.clusters)
  const oldGroups = byName(pass.rt.snapshot.endpoints)
  for (const config of pass.next.clusters) {
    try {
      applyCluster(pass, config, oldConfigs.get(config.name))
    } catch (error) {
      failed(pass, `cluster ${config.name}`, error)
      continue
    }
    const group = groups.get(config.name)
    const cluster = pass.rt.env.clusters.get(config.name)
    const known = oldConfigs.has(config.name) && sameContent(group, oldGroups.get(config.name))
    if (group !== undefined && cluster !== undefined && !known) setEndpoints(cluster, group)
  }
}

function applyCluster(pass: Pass, config: ClusterConfig, old: ClusterConfig | undefined): void {
  const { env } = pass.rt
  const existing = env.clusters.get(config.name)
  const cluster = existing ?? makeCluster(pass, config)
  const fresh = existing === undefined || usesChanged(pass, config.tls) || !sameWire(config, old)
  if (fresh) cluster.tls = clientTls(pass, config)
  if (existing !== undefined && !sameContent(config, old)) updateCluster(cluster, config)
  // Resting connections were made, and their peers checked, by what holds no longer; busy ones end after their exchange.
  if (fresh) for (const endpoint of cluster.endpoints) endpoint.pool.renew()
  const lists = collectHooks(config.policies, `cluster/${config.name}`, (place, policy) =>
    hooksAt(pass, place, policy, cluster),
  )
  cluster.attempt = lists.attempt
  cluster.outcome = lists.outcome
  env.clusters.set(config.name, cluster)
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
