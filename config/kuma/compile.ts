import { isIP } from 'node:net'
import * as v from 'valibot'
import { checkSnapshot, type Snapshot } from '../../proxy/model/snapshot.ts'
import type { Environment } from '../environment.ts'
import { didYouMean } from '../nearest.ts'
import { newReporter, type Reporter } from '../report.ts'
import type { AgentSettings, ExpectedIdentity } from '../settings.ts'
import type { SourceProblem } from '../source.ts'
import { identitySecret, trustSecret } from './clusters.ts'
import { type Compiling, type Effective, remember } from './compiling.ts'
import { dnsOf } from './dns.ts'
import { type Identity, identityOf, selectIdentity } from './identity.ts'
import { compileInbound } from './inbounds.ts'
import { meshMetricsOf } from './mesh-metrics.ts'
import { type MeshView, type ProxyView, viewMesh } from './mesh-view.ts'
import { type CompiledOutbound, compileOutbound } from './outbounds.ts'
import { compileInterception } from './passthrough/listeners.ts'
import { applyPatches } from './patches.ts'
import { metricsOf } from './policies/mesh-metric.ts'
import type { Resource } from './resources.ts'
import { meshMetricConf } from './schemas/mesh-metric.ts'
import { mergeEntries, proxyEntries } from './target-ref.ts'
import { virtualOutbounds } from './vips.ts'

/** One Dataplane of a mesh, ready to run, with what the agent and `explain` want to know of it. */
export interface Compilation {
  /** Complete but for the secrets `identity` and `trust`, which the agent adds when `identity` is not null. */
  readonly snapshot: Snapshot
  readonly settings: AgentSettings
  /** Null: mutual TLS is off. */
  readonly identity: ExpectedIdentity | null
  readonly effective: readonly Effective[]
  /** What each outbound leads to, in their order. */
  readonly outbounds: readonly NamedOutbound[]
}

/** An outbound by the names that people and applications call its destination by. */
export interface NamedOutbound {
  readonly destination: string
  /** `backend.svc.mesh.local`. Kuma: HostnameGenerator. */
  readonly hostnames: readonly string[]
  /** Port under these names, by name and number; empty for a 2.x service, which has any. */
  readonly ports: readonly string[]
  readonly listener: string
}

/** A Dataplane as the model, or null and the reason among the problems. */
export interface Compiled {
  readonly compilation: Compilation | null
  readonly problems: readonly SourceProblem[]
}

/**
 * Compiles one Dataplane of the set: its inbounds, its outbounds, and the clusters they lead to. Every other Dataplane
 * of the mesh is an endpoint of what it provides. The resources are checked ones.
 */
export function compile(
  resources: readonly Resource[],
  mesh: string,
  name: string,
  environment: Environment = {},
): Compiled {
  return compileView(viewMesh(resources, mesh, environment), name)
}

/** The same for a mesh that has been looked through already. */
export function compileView(view: MeshView, name: string): Compiled {
  const proxy = view.proxyByName.get(name)
  if (proxy === undefined) return { compilation: null, problems: [noSuchProxy(view, name)] }
  const reporter = newReporter()
  const identities = new Map<ProxyView, Identity | null>()
  const remembered = (peer: ProxyView): Identity | null => {
    const known = identities.get(peer)
    if (known !== undefined) return known
    const identity = identityOf(view, peer)
    identities.set(peer, identity)
    return identity
  }
  const identity = remembered(proxy)
  checkIdentity(view, proxy, identity, reporter)
  const compiling: Compiling = {
    view,
    proxy,
    identity,
    identityOf: remembered,
    reporter,
    clusters: new Map(),
    endpoints: new Map(),
    secrets: new Map(),
    effective: [],
  }
  const plain = compileProxy(compiling)
  const compilation = { ...plain, snapshot: applyPatches(compiling, plain.snapshot) }
  checkOwnAddress(proxy, reporter)
  if (reporter.problems.every(({ severity }) => severity !== 'error')) {
    checkModel(compilation.snapshot, proxy, reporter)
  }
  const broken = reporter.problems.some(({ severity }) => severity === 'error')
  return { compilation: broken ? null : compilation, problems: reporter.problems }
}

function compileProxy(compiling: Compiling): Compilation {
  const { proxy, identity, clusters, endpoints, secrets, effective } = compiling
  const inbounds = proxy.inbounds.map((inbound) => compileInbound(compiling, inbound))
  const listed = (proxy.resource.body.networking.outbound ?? [])
    .map((outbound, index) => compileOutbound(compiling, outbound, index))
    .filter((outbound) => outbound !== null)
  const outbounds = [...listed, ...virtualOutbounds(compiling, listed)]
  const made = [...inbounds, ...outbounds]
  const intercepting = compileInterception(compiling)
  const tables = made.map(({ routeTable }) => routeTable).filter((table) => table !== null)
  return {
    snapshot: {
      listeners: [...made.map(({ listener }) => listener), ...intercepting.listeners],
      routeTables: [...tables, ...intercepting.routeTables],
      clusters: [...clusters.values()],
      endpoints: [...endpoints.values()],
      secrets: [...secrets.values()],
    },
    settings: settingsOf(compiling, outbounds),
    identity:
      identity === null
        ? null
        : { spiffeIds: identity.spiffeIds, trustDomain: identity.trustDomain },
    effective,
    outbounds: outbounds.map(({ destination, hostnames, ports, listener }) => ({
      destination,
      hostnames,
      ports,
      listener: listener.name,
    })),
  }
}

function settingsOf(compiling: Compiling, outbounds: readonly CompiledOutbound[]): AgentSettings {
  const { view, proxy } = compiling
  const merged = mergeEntries(proxyEntries(view, 'MeshMetric', proxy))
  if (merged !== null) remember(compiling, proxy.resource.label, 'MeshMetric', merged)
  const conf = merged === null ? meshMetricsOf(view, proxy) : v.parse(meshMetricConf, merged.conf)
  return {
    metrics: metricsOf(conf, view, proxy),
    admin: { port: proxy.resource.body.networking.admin?.port ?? null },
    bundles: view.all('MeshTrust').map(({ body }) => ({
      domain: body.spec.trustDomain,
      bundle: body.spec.caBundles.map(({ pem }) => pem.value.trimEnd()).join('\n'),
    })),
    dns: dnsOf(compiling, outbounds),
  }
}

/** Peers may dial a host name; what we listen on is an address. */
function checkOwnAddress({ resource, inbounds }: ProxyView, reporter: Reporter): void {
  if (inbounds.every(({ address }) => isIP(address) !== 0)) return
  const hint = 'or give every inbound the address it listens on'
  reporter.error(resource, ['networking', 'address'], 'must be an IP address', { hint })
}

/** The model has the last word: what it would refuse is refused here, before anything is applied. */
function checkModel(snapshot: Snapshot, proxy: ProxyView, reporter: Reporter): void {
  const { rejects } = checkSnapshot(snapshot)
  for (const { name, problems } of rejects) {
    for (const { path, message } of problems) {
      const missing = /^names (.+), which is not there$/.exec(message)?.[1]
      // These two come from the agent.
      if (missing === identitySecret || missing === trustSecret) continue
      // What was refused is not there for others either; the cause is said once.
      if (missing !== undefined && rejects.some((reject) => reject.name === missing)) continue
      reporter.error(proxy.resource, [], `makes ${name} with ${path}: ${message}`)
    }
  }
}

/** An identity that cannot be worked out must not silently become none. */
function checkIdentity(
  view: MeshView,
  proxy: ProxyView,
  identity: Identity | null,
  reporter: Reporter,
): void {
  const chosen = selectIdentity(view, proxy)
  if (chosen !== null && identity === null) {
    reporter.error(
      proxy.resource,
      ['labels'],
      `has not the labels that spiffeID of ${chosen.label} needs`,
      { hint: 'the default path needs the label kuma.io/workload' },
    )
  } else if (identity !== null && identity.spiffeIds.length === 0) {
    reporter.error(proxy.resource, ['networking'], 'has no kuma.io/service to be named by', {
      hint: 'give an inbound, or the gateway, the tag kuma.io/service',
    })
  }
}

function noSuchProxy(view: MeshView, name: string): SourceProblem {
  const known = view.proxies.map((proxy) => proxy.name)
  const list = known.length > 10 ? `${known.slice(0, 10).join(', ')} …` : known.join(', ')
  return {
    file: '',
    line: 0,
    column: 0,
    resource: `Dataplane/${name}`,
    path: '',
    message: `is not in mesh ${JSON.stringify(view.name)}`,
    hint:
      didYouMean(name, known) ??
      (known.length === 0 ? 'the mesh has no Dataplane at all' : `known: ${list}`),
    severity: 'error',
  }
}
