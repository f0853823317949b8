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
  port,
  stringMap,
  text,
  uint32,
  unsupported,
  word,
} from './shapes.ts'
import { backendRef } from './target-ref.ts'

const redirect = 'transparent proxying needs redirected sockets; list outbounds instead'

const inbound = map({
  port,
  address: maybe(filled),
  servicePort: maybe(port),
  serviceAddress: maybe(filled),
  name: maybe(filled),
  protocol: maybe(text),
  tags: maybe(stringMap),
  state: maybe(word(['Ready', 'NotReady', 'Ignored'])),
  health: maybe(map({ ready: maybe(flag) })),
  serviceProbe: unsupported(
    map({
      interval: maybe(duration),
      timeout: maybe(duration),
      unhealthyThreshold: maybe(uint32),
      healthyThreshold: maybe(uint32),
      tcp: maybe(map({})),
    }),
    'use MeshHealthCheck on the side of the caller',
  ),
})
export type InboundBody = v.InferOutput<typeof inbound>

const outbound = map({
  address: maybe(filled),
  port,
  backendRef: maybe(backendRef),
  tags: maybe(stringMap),
})
export type OutboundBody = v.InferOutput<typeof outbound>

/** Kuma `Dataplane`: one proxy, what it serves and what it calls. */
export const dataplane = map({
  ...envelope,
  networking: map({
    address: filled,
    advertisedAddress: maybe(filled),
    inbound: maybe(list(inbound)),
    outbound: maybe(list(outbound)),
    gateway: maybe(map({ type: maybe(word(['DELEGATED', 'BUILTIN'])), tags: maybe(stringMap) })),
    transparentProxying: unsupported(anything, redirect),
    admin: maybe(map({ port: maybe(port) })),
    listeners: unsupported(anything, 'zone proxies are a control plane affair'),
  }),
  probes: unsupported(anything),
  metrics: unsupported(anything, 'use MeshMetric'),
})
export type DataplaneBody = v.InferOutput<typeof dataplane>
