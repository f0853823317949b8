import { isDeepStrictEqual } from 'node:util'
import {
  type Cluster,
  closeCluster,
  newCluster,
  setEndpoints,
  updateCluster,
} from './cluster/cluster.ts'
import { systemResolve } from './cluster/discovery.ts'
import type { ProxyEnv } from './env.ts'
import type { Chain } from './listener/filter-chain.ts'
import {
  bindListener,
  drainChain,
  drainListener,
  type Listener,
  newListener,
} from './listener/listener.ts'
import { newServerTls } from './listener/tls.ts'
import type { Cluster as ClusterConfig } from './model/cluster.ts'
import type { FilterChain, Listener as ListenerConfig } from './model/listener.ts'
import type { RouteTable } from './model/route.ts'
import type { CertificateSecret, Secret, TrustSecret } from './model/secret.ts'
import type { Snapshot } from './model/snapshot.ts'
import { createHooks, type PolicyConfig } from './policies.ts'
import type { Hooks } from './policy.ts'
import { collectHooks, compileTable, type HttpPlan, type TcpPlan } from './route/compile.ts'
import { compileAccessLog } from './telemetry/access-log.ts'
import type { LogSinks } from './telemetry/log-sink.ts'
import type { Registry } from './telemetry/registry.ts'
import { connectEndpoint } from './upstream/connect.ts'
import { newPool } from './upstream/pool.ts'
import { newClientTls } from './upstream/tls.ts'

/** A resource that could not be put to work; the rest of its snapshot serves. */
export interface ApplyFailure {
  readonly resource: string
  readonly message: string
  /** errno such as `EADDRINUSE`; null when the system is not to blame. */
  readonly code: string | null
}

/** Everything a proxy runs, made from the snapshot applied last. */
export interface Runtime {
  readonly env: ProxyEnv
  readonly registry: Registry
  readonly sinks: LogSinks
  readonly reusePort: boolean
  snapshot: Snapshot
  readonly listeners: Map<string, Listener>
  /** Dropped from the configuration, still serving what they had. */
  readonly leaving: Set<Listener>
  /** By place and config: a policy that stays where it is keeps its state. */
  hooks: Map<string, Hooks>
}

/** One application of a snapshot: what it looks things up in and what it gathers. */
interface Pass {
  readonly rt: Runtime
  readonly next: Snapshot
  readonly secrets: ReadonlyMap<string, Secret>
  /** Names of secrets whose content is not what it was. */
  readonly changedSecrets: ReadonlySet<string>
  readonly tables: ReadonlyMap<string, RouteTable>
  readonly hooks: Map<string, Hooks>
  readonly failures: ApplyFailure[]
}

/**
 * The one place that turns a snapshot into runtime objects. What is new is built beside the old, then everything is
 * swapped in this same tick, so that no request sees half of it; what was dropped is drained. Unchanged clusters keep pools,
 * counters and ejections; unchanged listeners keep their sockets. Resolves when new listeners are bound or have failed.
 */
export async function applySnapshot(rt: Runtime, next: Snapshot): Promise<readonly ApplyFailure[]> {
  const secrets = byName(next.secrets)
  const before = byName(rt.snapshot.secrets)
  const pass: Pass = {
    rt,
    next,
    secrets,
    changedSecrets: new Set(
      [...secrets.keys()].filter((name) => !sameContent(secrets.get(name), before.get(name))),
    ),
    tables: byName(next.routeTables),
    hooks: new Map(),
    failures: [],
  }
  applyClusters(pass)
  const fresh = applyListeners(pass)
  dropClusters(pass)
  for (const [key, hooks] of rt.hooks) if (!pass.hooks.has(key)) hooks.stop?.()
  rt.hooks = pass.hooks
  rt.snapshot = next
  await Promise.all(fresh.map((listener) => bind(pass, listener)))
  return pass.failures
}

const byName = <T extends { readonly name: string }>(items: readonly T[]): Map<string, T> =>
  new Map(items.map((item) => [item.name, item]))

/** Equal but for where they came from: a new version of the same content is no change. */
function sameContent<T extends { readonly origin: unknown }>(
  a: T | undefined,
  b: T | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b
  return a === b || isDeepStrictEqual({ ...a, origin: null }, { ...b, origin: null })
}

function failed(pass: Pass, resource: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  pass.failures.push({ resource, message, code: null })
}

/** Hooks of a policy at a place, carried over while place and config stay the same. */
function hooksAt(pass: Pass, place: string, config: PolicyConfig, cluster: Cluster | null): Hooks {
  const key = `${place} ${JSON.stringify(config)}`
  const { env } = pass.rt
  const hooks =
    pass.hooks.get(key) ??
    pass.rt.hooks.get(key) ??
    createHooks(config, { clock: env.clock, log: env.log, cluster, workers: env.workers })
  pass.hooks.set(key, hooks)
  return hooks
}

function applyClusters(pass: Pass): void {
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

function usesChanged(
  pass: Pass,
  tls: { readonly certificate: string | null; readonly trust: string | null } | null,
): boolean {
  if (tls === null) return false
  const { changedSecrets } = pass
  return (
    (tls.certificate !== null && changedSecrets.has(tls.certificate)) ||
    (tls.trust !== null && changedSecrets.has(tls.trust))
  )
}

function clientTls(pass: Pass, config: ClusterConfig): ReturnType<typeof newClientTls> | null {
  if (config.tls === null) return null
  return newClientTls(
    config.tls,
    config.tls.certificate === null ? null : certificate(pass, config.tls.certificate),
    config.tls.trust === null ? null : trust(pass, config.tls.trust),
    pass.rt.env,
  )
}

function certificate(pass: Pass, name: string): CertificateSecret {
  const secret = pass.secrets.get(name)
  if (secret?.kind !== 'certificate')
    throw new Error(`secret ${name} is not there or no certificate`)
  return secret
}

function trust(pass: Pass, name: string): TrustSecret {
  const secret = pass.secrets.get(name)
  if (secret?.kind !== 'trust') throw new Error(`secret ${name} is not there or no trust bundle`)
  return secret
}

function dropClusters(pass: Pass): void {
  const { env, registry } = pass.rt
  const kept = byName(pass.next.clusters)
  for (const [name, cluster] of env.clusters) {
    if (kept.has(name)) continue
    env.clusters.delete(name)
    closeCluster(cluster)
    registry.drop('cluster', name)
  }
}

/** Swaps the chains of listeners that stay, drains those that go; returns the new ones, which are not bound yet. */
function applyListeners(pass: Pass): Listener[] {
  const { rt } = pass
  const fresh: Listener[] = []
  const wanted = byName(pass.next.listeners)
  for (const [name, listener] of rt.listeners) {
    const config = wanted.get(name)
    if (config !== undefined && sameBinding(config, listener)) continue
    rt.listeners.delete(name)
    rt.leaving.add(listener)
    drainListener(listener)
  }
  for (const config of pass.next.listeners) {
    try {
      const existing = rt.listeners.get(config.name)
      const chains = config.filterChains.map((chain) => compileChain(pass, config, chain, existing))
      if (existing === undefined) {
        const stats = rt.registry.scope('listener', `${config.address}_${config.port}`)
        const listener = newListener(config, chains, rt.env, stats)
        rt.listeners.set(config.name, listener)
        fresh.push(listener)
      } else swapChains(existing, config, chains)
    } catch (error) {
      failed(pass, `listener ${config.name}`, error)
    }
  }
  return fresh
}

const sameBinding = (config: ListenerConfig, listener: Listener): boolean =>
  config.address === listener.config.address &&
  config.port === listener.config.port &&
  listener.state !== 'failed'

function swapChains(listener: Listener, config: ListenerConfig, chains: readonly Chain[]): void {
  const gone = listener.chains.filter((old) => !chains.some((chain) => chain.filter === old.filter))
  listener.config = config
  listener.chains = chains
  for (const chain of gone) drainChain(chain)
}

/**
 * A chain with its plan. Where the listener had a chain of that name and kind, its filter lives on with the new plan, so
 * that open connections see it with their next request.
 */
function compileChain(
  pass: Pass,
  listener: ListenerConfig,
  config: FilterChain,
  existing: Listener | undefined,
): Chain {
  const place = `listener/${listener.name}/${config.name}`
  const old = existing?.chains.find((chain) => chain.config.name === config.name)
  const tls = serverTls(pass, config, old)
  if (config.filter.kind === 'http') {
    const plan = httpPlan(pass, listener, config.filter, place)
    if (old?.filter.kind === 'http') {
      old.filter.plan = plan
      return { config, tls, filter: old.filter }
    }
    return { config, tls, filter: { kind: 'http', plan, draining: false, connections: new Set() } }
  }
  const plan = tcpPlan(pass, listener, config.filter, place)
  if (old?.filter.kind === 'tcp') {
    old.filter.plan = plan
    return { config, tls, filter: old.filter }
  }
  return { config, tls, filter: { kind: 'tcp', plan, draining: false, connections: new Set() } }
}

function serverTls(pass: Pass, config: FilterChain, old: Chain | undefined): Chain['tls'] {
  const { tls } = config
  if (tls === null) return null
  if (old?.tls && isDeepStrictEqual(old.config.tls, tls) && !usesChanged(pass, tls)) return old.tls
  return newServerTls(
    tls,
    certificate(pass, tls.certificate),
    tls.trust === null ? null : trust(pass, tls.trust),
    pass.rt.env,
  )
}

function httpPlan(
  pass: Pass,
  listener: ListenerConfig,
  config: HttpPlan['config'],
  place: string,
): HttpPlan {
  const { env, registry, sinks } = pass.rt
  const table = pass.tables.get(config.routeTable)
  if (table === undefined) throw new Error(`route table ${config.routeTable} is not there`)
  const make = (at: string, policy: PolicyConfig): Hooks => hooksAt(pass, at, policy, null)
  return {
    kind: 'http',
    env,
    config,
    table: compileTable(table, config.policies, place, make),
    stats: registry.scope('http', listener.statPrefix),
    connectionHooks: connectionHooks(config.policies, place, make),
    logs: config.accessLogs.map((log) => compileAccessLog(log, sinks)),
    tracing: config.tracing,
  }
}

function tcpPlan(
  pass: Pass,
  listener: ListenerConfig,
  config: TcpPlan['config'],
  place: string,
): TcpPlan {
  const { env, registry, sinks } = pass.rt
  const make = (at: string, policy: PolicyConfig): Hooks => hooksAt(pass, at, policy, null)
  return {
    kind: 'tcp',
    env,
    config,
    stats: registry.scope('tcp', listener.statPrefix),
    connectionHooks: connectionHooks(config.policies, place, make),
    hooks: collectHooks(config.policies, place, make),
    logs: config.accessLogs.map((log) => compileAccessLog(log, sinks)),
  }
}

const connectionHooks = (
  policies: readonly PolicyConfig[],
  place: string,
  make: (at: string, policy: PolicyConfig) => Hooks,
): NonNullable<Hooks['connection']>[] =>
  policies.flatMap(
    (policy, index) => make(`${place}:${policy.kind}#${index}`, policy).connection ?? [],
  )

async function bind(pass: Pass, listener: Listener): Promise<void> {
  const error = await bindListener(listener, pass.rt.reusePort)
  if (error === null) return
  pass.failures.push({
    resource: `listener ${listener.config.name}`,
    message: error.message,
    code: error.code ?? null,
  })
}
