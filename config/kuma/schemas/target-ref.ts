import type * as v from 'valibot'
import { peerMatch, resource } from './parts.ts'
import { list, map, maybe, must, someOf, unsupported, word } from './shapes.ts'
import { filled, port, stringMap, text, uint32 } from './values.ts'

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
  name: maybe(filled, 'Name of the resource.'),
  namespace: unsupported(filled, 'there are no namespaces outside Kubernetes'),
  mesh: unsupported(filled, 'a resource speaks of the mesh it stands in'),
  labels: maybe(stringMap, 'Labels that the resource must have, instead of a name.'),
  tags: maybe(stringMap, 'Tags of inbounds (2.x).'),
  sectionName: maybe(filled, 'Port of it, by name or number.'),
}

/** Which proxies a policy is for. */
export const targetRef = map({
  kind: must(word(proxyKinds), 'What selects the proxies; Dataplane and Mesh are those of 3.0.'),
  ...refFields,
  proxyTypes: maybe(list(word(['Sidecar', 'Gateway'])), 'Types of proxies; all by default.'),
})
export type TargetRef = v.InferOutput<typeof targetRef>

/** Which destinations an entry of `to` is for. */
export const toRef = map({
  kind: must(
    word(['Mesh', 'MeshService', 'MeshExternalService', 'MeshMultiZoneService', 'MeshHTTPRoute']),
    'Kind of the destination; Mesh is every one.',
  ),
  ...refFields,
})
export type ToRef = v.InferOutput<typeof toRef>

/** Which callers an entry of `from` is for (2.x). */
export const fromRef = map({
  kind: must(
    word(['Mesh', 'MeshSubset', 'MeshService', 'MeshServiceSubset']),
    'Kind of the caller; Mesh is every one.',
  ),
  ...refFields,
})
export type FromRef = v.InferOutput<typeof fromRef>

const destination = {
  kind: must(
    word(['MeshService', 'MeshServiceSubset', 'MeshExternalService', 'MeshMultiZoneService']),
    'Kind of the destination.',
  ),
  ...refFields,
  port: maybe(port, 'Port of the destination; its first by default.'),
}

/** A destination of traffic. */
export const backendRef = map({
  ...destination,
  weight: maybe(uint32, 'Share among the references beside it.', 1),
})
/** A destination of copies. */
export const mirrorRef = map({
  ...destination,
  weight: unsupported(uint32, 'copies have one destination'),
})
export type BackendRef = v.InferOutput<typeof backendRef>

const top = {
  targetRef: maybe(targetRef, 'Proxies that the policy is for; all of the mesh by default.'),
}

/** Settings towards destinations. */
export const toList = <const C extends v.GenericSchema>(conf: C) =>
  maybe(
    list(
      map({
        targetRef: must(toRef, 'Destinations that the entry is for.'),
        default: maybe(conf, 'Settings.'),
      }),
    ),
    'What holds for calls to destinations.',
  )

/** Settings for callers, as 2.x names them. */
export const fromList = <const C extends v.GenericSchema>(conf: C) =>
  maybe(
    list(
      map({
        targetRef: must(fromRef, 'Callers that the entry is for.'),
        default: maybe(conf, 'Settings.'),
      }),
    ),
    'What holds for calls that arrive (2.x; `rules` since 2.10).',
  )

/** Settings for callers, as 3.0 names them. */
export const ruleList = <const C extends v.GenericSchema>(conf: C) =>
  maybe(
    list(
      map({
        matches: maybe(list(peerMatch), 'Callers that the rule is for; all by default.'),
        default: maybe(conf, 'Settings.'),
      }),
    ),
    'What holds for calls that arrive.',
  )

/** A policy with some of the lists `to`, `from` and `rules`. */
export const trafficPolicy = <const E extends v.ObjectEntries>(about: string, lists: E) =>
  resource(about, {
    spec: must(someOf(Object.keys(lists), map({ ...top, ...lists })), 'The policy itself.'),
  })

/** A policy whose settings hold for the whole proxy. */
export const proxyPolicy = <const C extends v.GenericSchema>(about: string, conf: C) =>
  resource(about, {
    spec: must(map({ ...top, default: maybe(conf, 'Settings.') }), 'The policy itself.'),
  })

/** A policy made of route rules. */
export const routePolicy = <const R extends v.GenericSchema>(about: string, rule: R) =>
  trafficPolicy(about, {
    to: maybe(
      list(
        map({
          targetRef: must(toRef, 'Destination whose traffic is routed.'),
          hostnames: unsupported(list(text), 'an outbound serves every host name'),
          rules: maybe(list(rule), 'Rules for its traffic.'),
        }),
      ),
      'Destinations and the rules for their traffic.',
    ),
  })
