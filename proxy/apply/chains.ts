import { isDeepStrictEqual } from 'node:util'
import type { Chain } from '../listener/filter-chain.ts'
import type { Listener } from '../listener/listener.ts'
import { newServerTls } from '../listener/tls.ts'
import type { FilterChain, Listener as ListenerConfig } from '../model/listener.ts'
import { compileNetworks } from '../network.ts'
import type { PolicyConfig } from '../policies.ts'
import type { Hooks } from '../policy.ts'
import { collectHooks, compileTable, type HttpPlan, type TcpPlan } from '../route/compile.ts'
import { compileAccessLog } from '../telemetry/access-log.ts'
import { certificate, hooksAt, type Pass, trust, usesChanged } from './pass.ts'

/**
 * A chain with its plan. Where the listener had a chain of that name and kind, its filter lives on with the new plan, so
 * that open connections see it with their next request.
 */
export function compileChain(
  pass: Pass,
  listener: ListenerConfig,
  config: FilterChain,
  existing: Listener | undefined,
): Chain {
  const place = `listener/${listener.name}/${config.name}`
  const old = existing?.chains.find((chain) => chain.config.name === config.name)
  const tls = serverTls(pass, config, old)
  const destination = compileNetworks(config.match.destinations)
  if (config.filter.kind === 'http') {
    const plan = httpPlan(pass, listener, config.filter, place)
    if (old?.filter.kind === 'http') {
      old.filter.plan = plan
      return { config, tls, destination, filter: old.filter }
    }
    return {
      config,
      tls,
      destination,
      filter: { kind: 'http', plan, draining: false, connections: new Set() },
    }
  }
  const plan = tcpPlan(pass, listener, config.filter, place)
  if (old?.filter.kind === 'tcp') {
    old.filter.plan = plan
    return { config, tls, destination, filter: old.filter }
  }
  return {
    config,
    tls,
    destination,
    filter: { kind: 'tcp', plan, draining: false, connections: new Set() },
  }
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
