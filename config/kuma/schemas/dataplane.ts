import type * as v from 'valibot'
import { metricsBackend } from './mesh-metrics.ts'
import { resource } from './parts.ts'
import { list, map, maybe, must, unsupported, word } from './shapes.ts'
import { backendRef } from './target-ref.ts'
import {
  anything,
  duration,
  filled,
  flag,
  host,
  port,
  stringMap,
  text,
  uint32,
  whole,
} from './values.ts'

const serviceProbe = map({
  interval: maybe(duration, 'Between two probes.', '1s'),
  timeout: maybe(duration, 'Time for one probe.', '2s'),
  unhealthyThreshold: maybe(uint32, 'Failures in a row that count.', 1),
  healthyThreshold: maybe(uint32, 'Successes in a row that count.', 1),
  tcp: maybe(map({}), 'Probe by connecting.'),
})

const inbound = map({
  port: must(port, 'Port the proxy listens on.'),
  address: maybe(host, 'Address it listens on; networking.address by default.'),
  servicePort: maybe(port, 'Port of the application; `port` by default.'),
  serviceAddress: maybe(host, 'Address of the application; `address` by default.'),
  name: maybe(filled, 'Name of the port, for sectionName and targetPort; its number by default.'),
  protocol: maybe(
    text,
    'What the application speaks: tcp, http, http2 or grpc. Others are carried as bytes.',
    'tcp',
  ),
  tags: maybe(stringMap, 'Tags; kuma.io/service names the service (2.x).'),
  state: maybe(
    word(['Ready', 'NotReady', 'Ignored']),
    'NotReady: peers do not call it. Ignored: it does not listen.',
    'Ready',
  ),
  health: maybe(
    map({ ready: maybe(flag, 'Whether peers may call it.', true) }),
    'What `state` says in 3.0.',
  ),
  serviceProbe: unsupported(serviceProbe, 'use MeshHealthCheck on the side of the caller'),
})
export type InboundBody = v.InferOutput<typeof inbound>

const outbound = map({
  address: maybe(host, 'Address the application calls.', '127.0.0.1'),
  port: must(port, 'Port the application calls.'),
  backendRef: maybe(backendRef, 'Destination.'),
  tags: maybe(stringMap, 'Destination by kuma.io/service and further tags (2.x).'),
})
export type OutboundBody = v.InferOutput<typeof outbound>

const gateway = map({
  type: maybe(
    word(['DELEGATED', 'BUILTIN']),
    'DELEGATED: another proxy receives the calls, this one makes them.',
    'DELEGATED',
  ),
  tags: maybe(stringMap, 'Tags; kuma.io/service names the gateway (2.x).'),
})

const portOrNone = whole(0, 65_535, 'must be a port, or 0 for none')

const reachableBackend = map({
  kind: must(
    word(['MeshService', 'MeshExternalService', 'MeshMultiZoneService']),
    'Kind of the destination.',
  ),
  name: maybe(filled, 'Name of it.'),
  namespace: unsupported(filled, 'there are no namespaces outside Kubernetes'),
  labels: maybe(stringMap, 'Labels that it must have, instead of a name.'),
  port: maybe(port, 'Port of it; all by default.'),
})
export type ReachableBackend = v.InferOutput<typeof reachableBackend>

const transparentProxying = map({
  redirectPortOutbound: maybe(
    portOrNone,
    'Port that calls of the application are led to (15001 in Kuma); nothing is intercepted without it.',
  ),
  redirectPortInbound: maybe(
    portOrNone,
    'Port that calls of others are led to (15006 in Kuma); inbounds are bound without it.',
  ),
  ipFamilyMode: maybe(
    word(['UnSpecified', 'DualStack', 'IPv4', 'IPv6']),
    'What is intercepted.',
    'DualStack',
  ),
  reachableBackends: maybe(
    map({ refs: maybe(list(reachableBackend), 'Destinations; none for an empty list.') }),
    'Destinations that are called by their virtual addresses; all by default.',
  ),
  reachableServices: unsupported(
    list(filled),
    'services of tags have no virtual addresses; use reachableBackends',
  ),
  directAccessServices: maybe(
    list(filled),
    'Values of kuma.io/service whose proxies are called by their own addresses; * for all.',
  ),
})

const networking = map({
  address: must(host, 'Address that peers call.'),
  advertisedAddress: maybe(host, 'Address that peers call instead, behind a NAT (2.x).'),
  inbound: maybe(list(inbound), 'What the application serves.'),
  outbound: maybe(list(outbound), 'What the application calls.'),
  gateway: maybe(gateway, 'The proxy stands beside a gateway.'),
  transparentProxying: maybe(
    transparentProxying,
    'Traffic that the system leads to the proxy, whatever its address.',
  ),
  admin: maybe(
    map({ port: maybe(port, 'Port of the admin pages.', 9_901) }),
    'The admin pages of the proxy.',
  ),
  listeners: unsupported(anything, 'zone proxies are a control plane affair'),
})

/** Kuma `Dataplane`: one proxy, what it serves and what it calls. */
export const dataplane = resource('A proxy: what it serves and what it calls.', {
  networking: must(networking, 'Addresses and ports.'),
  probes: unsupported(anything),
  metrics: maybe(metricsBackend, 'What it says of metrics instead of the Mesh (2.x).'),
})
export type DataplaneBody = v.InferOutput<typeof dataplane>
