import { isDeepStrictEqual } from 'node:util'
import { compileChain } from './apply/chains.ts'
import { applyClusters, dropClusters, prepareClusters } from './apply/clusters.ts'
import {
  type ApplyFailure,
  byName,
  failed,
  type Pass,
  type Runtime,
  sameContent,
} from './apply/pass.ts'
import type { Chain } from './listener/filter-chain.ts'
import {
  bindListener,
  drainChain,
  drainListener,
  type Listener,
  newListener,
} from './listener/listener.ts'
import type { Listener as ListenerConfig } from './model/listener.ts'
import type { Snapshot } from './model/snapshot.ts'

/**
 * The one place that turns a snapshot into runtime objects. What is new is built beside the old, then everything is
 * swapped in one tick, so that no request sees half of it; what was dropped is drained. Unchanged clusters keep pools,
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
  const steps = await prepareClusters(pass)
  applyClusters(pass, steps)
  const fresh = applyListeners(pass)
  dropClusters(pass)
  for (const [key, hooks] of rt.hooks) if (!pass.hooks.has(key)) hooks.stop?.()
  rt.hooks = pass.hooks
  rt.snapshot = next
  await Promise.all(fresh.map((listener) => bind(pass, listener)))
  return pass.failures
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
  rt.env.virtual.clear()
  for (const listener of rt.listeners.values()) {
    const { socket, address, port } = listener.config
    if (socket.kind === 'virtual') rt.env.virtual.set(`${address} ${port}`, listener)
  }
  return fresh
}

const sameBinding = (config: ListenerConfig, listener: Listener): boolean =>
  config.address === listener.config.address &&
  config.port === listener.config.port &&
  isDeepStrictEqual(config.socket, listener.config.socket) &&
  listener.state !== 'failed'

function swapChains(listener: Listener, config: ListenerConfig, chains: readonly Chain[]): void {
  const gone = listener.chains.filter((old) => !chains.some((chain) => chain.filter === old.filter))
  listener.config = config
  listener.chains = chains
  for (const chain of gone) drainChain(chain)
}

async function bind(pass: Pass, listener: Listener): Promise<void> {
  const error = await bindListener(listener, pass.rt.binding)
  if (error === null) return
  pass.failures.push({
    resource: `listener ${listener.config.name}`,
    message: error.message,
    code: error.code ?? null,
  })
}
