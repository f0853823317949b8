import type * as v from 'valibot'
import { resource } from './parts.ts'
import { list, map, maybe, must, unsupported, word } from './shapes.ts'
import { anything, filled, stringMap, text } from './values.ts'

const fromDirectory = 'the certificate comes from the identity directory'

/** Kuma `MeshIdentity`: which dataplanes have an identity, and how its SPIFFE ID is made. */
export const meshIdentity = resource('Which Dataplanes have an identity, and of which form.', {
  spec: must(
    map({
      selector: maybe(
        map({
          dataplane: maybe(
            map({ matchLabels: maybe(stringMap, 'Labels that they must have; {} is all.') }),
            'Dataplanes by label.',
          ),
        }),
        'Who it is for; nobody by default.',
      ),
      spiffeID: maybe(
        map({
          trustDomain: maybe(filled, 'Trust domain.', '{{ .Mesh }}.{{ .Zone }}.mesh.local'),
          path: maybe(filled, 'Path.', '/workload/{{ .Workload }}'),
        }),
        'Form of the SPIFFE ID, with {{ .Mesh }}, {{ .Zone }}, {{ .Workload }}, {{ .Name }} and {{ label "key" }}.',
      ),
      provider: unsupported(
        map({
          type: must(word(['Bundled', 'Spire', 'Extension']), 'Who issues certificates.'),
          bundled: maybe(anything, 'The control plane.'),
          spire: maybe(anything, 'SPIRE.'),
          extension: maybe(anything, 'A part of a control plane.'),
        }),
        fromDirectory,
      ),
    }),
    'The identity itself.',
  ),
})
export type MeshIdentityBody = v.InferOutput<typeof meshIdentity>

/** Kuma `MeshTrust`: the roots of one trust domain. */
export const meshTrust = resource('The roots of one trust domain.', {
  spec: must(
    map({
      trustDomain: must(filled, 'Trust domain, as in spiffe://<domain>/….'),
      caBundles: must(
        list(
          map({
            type: must(word(['Pem']), 'Form of the bundle.'),
            pem: must(map({ value: must(text, 'PEM.') }), 'Certificates of authorities.'),
          }),
        ),
        'Roots that are trusted.',
      ),
      origin: unsupported(anything, 'a control plane notes there where it had it from'),
    }),
    'The trust itself.',
  ),
})
export type MeshTrustBody = v.InferOutput<typeof meshTrust>
