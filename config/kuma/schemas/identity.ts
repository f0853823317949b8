import type * as v from 'valibot'
import {
  anything,
  envelope,
  filled,
  list,
  map,
  maybe,
  stringMap,
  text,
  unsupported,
  word,
} from './shapes.ts'

const fromDirectory = 'the certificate comes from the identity directory'

/** Kuma `MeshIdentity`: which dataplanes have an identity, and how its SPIFFE ID is made. */
export const meshIdentity = map({
  ...envelope,
  spec: map({
    selector: maybe(map({ dataplane: maybe(map({ matchLabels: maybe(stringMap) })) })),
    spiffeID: maybe(map({ trustDomain: maybe(filled), path: maybe(filled) })),
    provider: maybe(
      map({
        type: word(['Bundled', 'Spire', 'Extension']),
        bundled: unsupported(anything, fromDirectory),
        spire: unsupported(anything, fromDirectory),
        extension: unsupported(anything, fromDirectory),
      }),
    ),
  }),
})
export type MeshIdentityBody = v.InferOutput<typeof meshIdentity>

/** Kuma `MeshTrust`: the roots of one trust domain. */
export const meshTrust = map({
  ...envelope,
  spec: map({
    trustDomain: filled,
    caBundles: list(map({ type: word(['Pem']), pem: map({ value: text }) })),
    origin: maybe(anything),
  }),
})
export type MeshTrustBody = v.InferOutput<typeof meshTrust>
