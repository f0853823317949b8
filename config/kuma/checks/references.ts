import { didYouMean } from '../../nearest.ts'
import type { Path, Reporter } from '../../report.ts'
import { backendUrl } from '../collector.ts'
import { includesAll, type MeshView } from '../mesh-view.ts'
import { isKnown, namesOf } from '../names.ts'
import {
  isPolicy,
  type Kind,
  type PolicyKind,
  type Resource,
  resourceSchemas,
  shapeOf,
} from '../resources.ts'
import { meshAccessLogConf } from '../schemas/mesh-access-log.ts'
import { meshMetricConf } from '../schemas/mesh-metric.ts'
import { meshTraceConf } from '../schemas/mesh-trace.ts'
import type { TargetRef } from '../schemas/target-ref.ts'
import { selects } from '../target-ref.ts'
import { confsOf } from './confs.ts'

/** Reports references of policies that lead nowhere. What leads somewhere else than it did is no mistake of the policy's: warnings. */
export function checkReferences(view: MeshView, reporter: Reporter): void {
  const callers = new Set(view.proxies.flatMap(({ services }) => services))
  for (const kind of Object.keys(resourceSchemas) as readonly Kind[]) {
    for (const policy of view.all(kind).filter(isPolicy)) {
      checkTop(view, policy, reporter)
      checkLists(view, policy, callers, reporter)
    }
  }
  checkCollectors(view, reporter)
  checkReachable(view, reporter)
  for (const service of view.all('MeshMultiZoneService')) {
    const wanted = service.body.spec.selector.meshService.matchLabels ?? {}
    if (view.all('MeshService').some(({ labels }) => includesAll(labels, wanted))) continue
    reporter.warn(service, ['spec', 'selector', 'meshService'], 'selects no MeshService')
  }
}

/** Kinds of `targetRef` that select proxies here; of the others `checkPolicy` has spoken. */
const proxyKinds: readonly string[] = [
  'Dataplane',
  'MeshSubset',
  'MeshService',
  'MeshServiceSubset',
]

function checkTop(view: MeshView, policy: Resource<PolicyKind>, reporter: Reporter): void {
  const ref = shapeOf(policy).targetRef
  if (ref === undefined || !proxyKinds.includes(ref.kind)) return
  if (view.proxies.some((proxy) => selects(ref, proxy, null))) return
  const hint = whyNobody(view, ref)
  reporter.warn(policy, ['spec', 'targetRef'], 'selects no Dataplane of the mesh', { hint })
}

/** The part of a reference that no proxy has, with what it may have been meant to be. */
function whyNobody(view: MeshView, { kind, name, labels, tags, sectionName }: TargetRef) {
  if (name !== undefined) {
    const known =
      kind === 'Dataplane' ? view.proxies.map((proxy) => proxy.name) : [...view.services.keys()]
    if (!known.includes(name)) return didYouMean(name, known) ?? `none is called ${name}`
  }
  const sets = view.proxies.flatMap((proxy) =>
    kind === 'Dataplane' ? [proxy.labels] : proxy.tagSets,
  )
  for (const [key, value] of Object.entries({ ...labels, ...tags })) {
    const values = [...new Set(sets.flatMap((set) => set[key] ?? []))]
    if (values.length === 0) {
      return didYouMean(key, [...new Set(sets.flatMap(Object.keys))]) ?? `none has ${key}`
    }
    if (value === '*' || values.includes(value)) continue
    return didYouMean(value, values) ?? `${key} is ${list(values)}`
  }
  if (sectionName === undefined) return null
  const sections = view.proxies.flatMap(({ inbounds }) => inbounds.map((inbound) => inbound.name))
  const known = [...new Set(sections)]
  return didYouMean(sectionName, known) ?? `inbounds are called ${list(known)}`
}

const list = (words: readonly string[]): string =>
  words.length > 5 ? `${words.slice(0, 5).join(', ')} …` : words.join(', ')

function checkLists(
  view: MeshView,
  policy: Resource<PolicyKind>,
  callers: ReadonlySet<string>,
  reporter: Reporter,
): void {
  const { to = [], from = [] } = shapeOf(policy)
  for (const [index, { targetRef }] of to.entries()) {
    if (targetRef.kind === 'Mesh' || isKnown(view, targetRef.kind, targetRef)) continue
    report(view, policy, targetRef.kind, targetRef, ['spec', 'to', index, 'targetRef'], reporter)
  }
  for (const [index, { targetRef }] of from.entries()) {
    const { kind, name } = targetRef
    if (kind === 'Mesh' || name === undefined || name === '*' || callers.has(name)) continue
    const path: Path = ['spec', 'from', index, 'targetRef']
    report(view, policy, 'MeshService', targetRef, path, reporter)
  }
}

function report(
  view: MeshView,
  policy: Resource,
  kind: Kind,
  { name, labels }: { readonly name?: string | undefined; readonly labels?: object | undefined },
  path: Path,
  reporter: Reporter,
): void {
  const message = `no ${kind} ${name ?? `with the labels ${JSON.stringify(labels)}`} is known`
  const hint = name === undefined ? null : didYouMean(name, namesOf(view, kind))
  reporter.warn(policy, name === undefined ? path : [...path, 'name'], message, { hint })
}

/** What Dataplanes say may be called. */
function checkReachable(view: MeshView, reporter: Reporter): void {
  for (const dataplane of view.all('Dataplane')) {
    const { reachableBackends, directAccessServices = [] } =
      dataplane.body.networking.transparentProxying ?? {}
    const at: Path = ['networking', 'transparentProxying']
    for (const [index, ref] of (reachableBackends?.refs ?? []).entries()) {
      if (isKnown(view, ref.kind, ref)) continue
      const path: Path = [...at, 'reachableBackends', 'refs', index]
      report(view, dataplane, ref.kind, ref, path, reporter)
    }
    for (const [index, name] of directAccessServices.entries()) {
      if (name === '*' || view.services.has(name) || view.workloads.has(name)) continue
      const path: Path = [...at, 'directAccessServices', index]
      const hint = didYouMean(name, [...view.services.keys(), ...view.workloads.keys()])
      reporter.warn(dataplane, path, `no Dataplane provides ${name}`, { hint })
    }
  }
}

/** Collectors of MeshTrace, MeshMetric and MeshAccessLog; without one nothing is sent. */
function checkCollectors(view: MeshView, reporter: Reporter): void {
  const found = [
    ...view.all('MeshTrace').map((policy) => ({ policy, confs: confsOf(policy, meshTraceConf) })),
    ...view.all('MeshMetric').map((policy) => ({ policy, confs: confsOf(policy, meshMetricConf) })),
    ...view
      .all('MeshAccessLog')
      .map((policy) => ({ policy, confs: confsOf(policy, meshAccessLogConf) })),
  ]
  for (const backend of view.all('MeshOpenTelemetryBackend')) {
    if (backendUrl(backend.body.spec, 'traces', view.environment) !== null) continue
    const hint = 'the environment has no OTEL_EXPORTER_OTLP_ENDPOINT'
    reporter.warn(backend, ['spec', 'env', 'mode'], 'lets nothing be sent', { hint })
  }
  for (const { policy, confs } of found) {
    for (const { path, conf } of confs) {
      for (const [index, { openTelemetry }] of (conf.backends ?? []).entries()) {
        const ref = openTelemetry?.backendRef
        if (ref === undefined || isKnown(view, 'MeshOpenTelemetryBackend', ref)) continue
        const at: Path = [...path, 'backends', index, 'openTelemetry', 'backendRef']
        report(view, policy, 'MeshOpenTelemetryBackend', ref, at, reporter)
      }
    }
  }
}
