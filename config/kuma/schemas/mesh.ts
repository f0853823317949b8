import type * as v from 'valibot'
import { meshMetrics } from './mesh-metrics.ts'
import { resource } from './parts.ts'
import { list, map, maybe, must, unsupported, word } from './shapes.ts'
import { anything, duration, filled, flag, stringMap, text } from './values.ts'

const fromDirectory = 'the certificate comes from the identity directory'

const backend = map({
  name: must(filled, 'Name of the backend.'),
  type: must(filled, 'Who issues certificates.'),
  mode: maybe(
    word(['STRICT', 'PERMISSIVE']),
    'PERMISSIVE: plaintext and the TLS of the application as well.',
    'STRICT',
  ),
  conf: unsupported(anything, fromDirectory),
  dpCert: unsupported(
    map({
      rotation: maybe(map({ expiration: maybe(text, 'Life of a certificate.') }), 'Renewal.'),
      requestTimeout: maybe(duration, 'Time to get one.'),
    }),
    fromDirectory,
  ),
  rootChain: unsupported(
    map({ requestTimeout: maybe(duration, 'Time to get them.') }),
    fromDirectory,
  ),
})

const mtls = map({
  enabledBackend: maybe(text, 'Name of the backend in use; none: no mutual TLS.'),
  skipValidation: maybe(flag, 'Not looked at.'),
  backends: maybe(list(backend), 'Who may issue certificates.'),
})

const routing = map({
  localityAwareLoadBalancing: maybe(flag, 'Endpoints of other zones come second.', false),
  zoneEgress: unsupported(flag, 'there is no zone egress'),
  defaultForbidMeshExternalServiceAccess: unsupported(
    flag,
    'there is no zone egress to forbid it: a proxy may call each MeshExternalService that it lists',
  ),
})

const rules = (about: string) =>
  maybe(list(map({ tags: maybe(stringMap, 'Tags, all of them; * is any value.') })), about)

const constraints = map({
  dataplaneProxy: maybe(
    map({
      requirements: rules('The tags of each inbound must be those of one of these.'),
      restrictions: rules('The tags of an inbound must not be those of any of these.'),
    }),
    'Which Dataplanes.',
  ),
})

/** Kuma `Mesh` (2.x; of 3.0 only `skipCreatingInitialPolicies` is live). */
export const mesh = resource('A mesh.', {
  mtls: maybe(mtls, 'Mutual TLS (2.x; MeshIdentity and MeshTLS in 3.0).'),
  networking: maybe(
    map({
      outbound: maybe(
        map({ passthrough: maybe(flag, 'Whether it passes; MeshPassthrough comes first.', true) }),
        'Calls of applications.',
      ),
    }),
    'Traffic that no outbound takes (2.x; MeshPassthrough in 3.0).',
  ),
  routing: maybe(routing, 'Between zones (2.x).'),
  logging: unsupported(anything, 'it needs a TrafficLog, which is not read; use MeshAccessLog'),
  tracing: unsupported(anything, 'it needs a TrafficTrace, which is not read; use MeshTrace'),
  metrics: maybe(meshMetrics, 'Metrics of proxies (2.x; MeshMetric comes before it).'),
  constraints: maybe(constraints, 'Which Dataplanes may be in the mesh (2.x).'),
  meshServices: maybe(
    map({
      mode: maybe(
        word(['Disabled', 'Everywhere', 'ReachableBackends', 'Exclusive']),
        'Whether every kuma.io/service is a MeshService as well (2.x).',
        'Disabled',
      ),
    }),
    'MeshServices that are made of tags.',
  ),
  skipCreatingInitialPolicies: maybe(
    list(text),
    'Kinds of default policies to leave out; * for all.',
  ),
})
export type MeshBody = v.InferOutput<typeof mesh>
