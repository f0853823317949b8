import type * as v from 'valibot'
import {
  envelope,
  filled,
  list,
  map,
  maybe,
  peerMatch,
  port,
  stringMap,
  text,
  uint32,
  unsupported,
  word,
} from './shapes.ts'

/** Kinds that can select proxies, in order of precedence: later ones override. Kuma: `targetRef.kind`. */
export const proxyKinds = [
  'Mesh',
  'Dataplane',
  'MeshSubset',
  'MeshGateway',
  'MeshService',
  'MeshExternalService',
  'MeshMultiZoneService',
  'MeshServiceSubset',
  'MeshHTTPRoute',
] as const

const refFields = {
  name: maybe(filled),
  namespace: unsupported(filled, 'there are no namespaces outside Kubernetes'),
  mesh: unsupported(filled, 'a resource speaks of the mesh it stands in'),
  labels: maybe(stringMap),
  tags: maybe(stringMap),
  sectionName: maybe(filled),
}

/** Which proxies a policy is for. */
export const targetRef = map({
  kind: word(proxyKinds),
  ...refFields,
  proxyTypes: maybe(list(word(['Sidecar', 'Gateway']))),
})
export type TargetRef = v.InferOutput<typeof targetRef>

/** Which destinations an entry of `to` is for. */
export const toRef = map({
  kind: word([
    'Mesh',
    'MeshService',
    'MeshExternalService',
    'MeshMultiZoneService',
    'MeshHTTPRoute',
  ]),
  ...refFields,
})
export type ToRef = v.InferOutput<typeof toRef>

/** Which callers an entry of `from` is for (2.x). */
export const fromRef = map({
  kind: word(['Mesh', 'MeshSubset', 'MeshService', 'MeshServiceSubset']),
  ...refFields,
})
export type FromRef = v.InferOutput<typeof fromRef>

/** A destination of traffic. */
export const backendRef = map({
  kind: word(['MeshService', 'MeshServiceSubset', 'MeshExternalService', 'MeshMultiZoneService']),
  ...refFields,
  port: maybe(port),
  weight: maybe(uint32),
})
export type BackendRef = v.InferOutput<typeof backendRef>

/** A policy whose settings stand in `to`, `from` and `rules`. */
export const trafficPolicy = <const C extends v.GenericSchema>(conf: C) =>
  map({
    ...envelope,
    spec: map({
      targetRef: maybe(targetRef),
      to: maybe(list(map({ targetRef: toRef, default: maybe(conf) }))),
      from: maybe(list(map({ targetRef: fromRef, default: maybe(conf) }))),
      rules: maybe(list(map({ matches: maybe(list(peerMatch)), default: maybe(conf) }))),
    }),
  })

/** A policy whose settings hold for the whole proxy. */
export const proxyPolicy = <const C extends v.GenericSchema>(conf: C) =>
  map({ ...envelope, spec: map({ targetRef: maybe(targetRef), default: maybe(conf) }) })

/** A policy made of route rules. */
export const routePolicy = <const R extends v.GenericSchema>(rule: R) =>
  map({
    ...envelope,
    spec: map({
      targetRef: maybe(targetRef),
      to: maybe(
        list(
          map({
            targetRef: toRef,
            hostnames: unsupported(list(text), 'an outbound serves every host name'),
            rules: maybe(list(rule)),
          }),
        ),
      ),
    }),
  })
