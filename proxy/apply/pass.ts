import { isDeepStrictEqual } from 'node:util'
import type { Cluster } from '../cluster/cluster.ts'
import type { ProxyEnv } from '../env.ts'
import type { Binding, Listener } from '../listener/listener.ts'
import type { RouteTable } from '../model/route.ts'
import type { CertificateSecret, Secret, TrustSecret } from '../model/secret.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { createHooks, type PolicyConfig } from '../policies.ts'
import type { Hooks } from '../policy.ts'
import type { LogSinks } from '../telemetry/log-sink.ts'
import type { Registry } from '../telemetry/registry.ts'

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
  readonly binding: Binding
  snapshot: Snapshot
  readonly listeners: Map<string, Listener>
  /** Dropped from the configuration, still serving what they had. */
  readonly leaving: Set<Listener>
  /** By place and config: a policy that stays where it is keeps its state. */
  hooks: Map<string, Hooks>
}

/** One application of a snapshot: what it looks things up in and what it gathers. */
export interface Pass {
  readonly rt: Runtime
  readonly next: Snapshot
  readonly secrets: ReadonlyMap<string, Secret>
  /** Names of secrets whose content is not what it was. */
  readonly changedSecrets: ReadonlySet<string>
  readonly tables: ReadonlyMap<string, RouteTable>
  readonly hooks: Map<string, Hooks>
  readonly failures: ApplyFailure[]
}

/** The resources of a list by their names. */
export const byName = <T extends { readonly name: string }>(items: readonly T[]): Map<string, T> =>
  new Map(items.map((item) => [item.name, item]))

/** Equal but for where they came from: a new version of the same content is no change. */
export function sameContent<T extends { readonly origin: unknown }>(
  a: T | undefined,
  b: T | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b
  return a === b || isDeepStrictEqual({ ...a, origin: null }, { ...b, origin: null })
}

export function failed(pass: Pass, resource: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  pass.failures.push({ resource, message, code: null })
}

/** Hooks of a policy at a place, carried over while place and config stay the same. */
export function hooksAt(
  pass: Pass,
  place: string,
  config: PolicyConfig,
  cluster: Cluster | null,
): Hooks {
  const key = `${place} ${JSON.stringify(config)}`
  const { env } = pass.rt
  const hooks =
    pass.hooks.get(key) ??
    pass.rt.hooks.get(key) ??
    createHooks(config, { clock: env.clock, log: env.log, cluster, workers: env.workers })
  pass.hooks.set(key, hooks)
  return hooks
}

export function usesChanged(
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

export function certificate(pass: Pass, name: string): CertificateSecret {
  const secret = pass.secrets.get(name)
  if (secret?.kind !== 'certificate')
    throw new Error(`secret ${name} is not there or no certificate`)
  return secret
}

export function trust(pass: Pass, name: string): TrustSecret {
  const secret = pass.secrets.get(name)
  if (secret?.kind !== 'trust') throw new Error(`secret ${name} is not there or no trust bundle`)
  return secret
}
