import type * as v from 'valibot'
import {
  anything,
  duration,
  envelope,
  filled,
  flag,
  list,
  map,
  maybe,
  text,
  unsupported,
  word,
} from './shapes.ts'

const fromDirectory = 'the certificate comes from the identity directory'

/** Kuma `Mesh` (2.x; of 3.0 only `skipCreatingInitialPolicies` is live). */
export const mesh = map({
  ...envelope,
  mtls: maybe(
    map({
      enabledBackend: maybe(text),
      skipValidation: maybe(flag),
      backends: maybe(
        list(
          map({
            name: filled,
            type: filled,
            mode: maybe(word(['STRICT', 'PERMISSIVE'])),
            conf: unsupported(anything, fromDirectory),
            dpCert: unsupported(
              map({
                rotation: maybe(map({ expiration: maybe(text) })),
                requestTimeout: maybe(duration),
              }),
              fromDirectory,
            ),
            rootChain: unsupported(map({ requestTimeout: maybe(duration) }), fromDirectory),
          }),
        ),
      ),
    }),
  ),
  networking: maybe(map({ outbound: maybe(map({ passthrough: unsupported(flag) })) })),
  routing: maybe(
    map({
      localityAwareLoadBalancing: maybe(flag),
      zoneEgress: unsupported(flag, 'there is no zone egress'),
      defaultForbidMeshExternalServiceAccess: unsupported(flag, 'there is no zone egress'),
    }),
  ),
  logging: unsupported(anything, 'use MeshAccessLog'),
  tracing: unsupported(anything, 'use MeshTrace'),
  metrics: unsupported(anything, 'use MeshMetric'),
  constraints: unsupported(anything),
  meshServices: maybe(
    map({ mode: maybe(word(['Disabled', 'Everywhere', 'ReachableBackends', 'Exclusive'])) }),
  ),
  skipCreatingInitialPolicies: maybe(list(text)),
})
export type MeshBody = v.InferOutput<typeof mesh>
