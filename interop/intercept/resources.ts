import { addresses } from './network.ts'

/** A virtual address of each family for `backend`. */
export const virtual = { ipv4: '241.0.0.1', ipv6: 'fd00:fd00::1' } as const

/** Ports of the far side: that of `backend`, and those that are outside the mesh. */
export const farPorts = {
  backend: 9_000,
  outside: 7_000,
  other: 7_001,
  secret: 7_002,
  greeter: 7_003,
  nobody: 7_999,
} as const
/** Ports of the near side: that of the inbound, and one that is none. */
export const nearPorts = { web: 8_080, other: 8_081 } as const

/** `web-1` on the near side, whose traffic is intercepted, and `backend-1` on the far side, without mutual TLS. */
export const mesh = `
type: Mesh
name: default
---
type: Dataplane
name: web-1
networking:
  address: ${addresses.near.ipv4}
  transparentProxying: {redirectPortInbound: 15006, redirectPortOutbound: 15001}
  inbound:
    - {port: ${nearPorts.web}, tags: {kuma.io/service: web, kuma.io/protocol: http}}
---
type: Dataplane
name: backend-1
networking:
  address: ${addresses.far.ipv4}
  inbound:
    - {port: ${farPorts.backend}, servicePort: 9999, tags: {kuma.io/service: backend, kuma.io/protocol: http}}
---
type: MeshService
name: backend
spec:
  selector: {dataplaneTags: {kuma.io/service: backend}}
  ports: [{port: 80, targetPort: ${farPorts.backend}, appProtocol: http}]
status: {vips: [{ip: ${virtual.ipv4}}, {ip: '${virtual.ipv6}'}]}
`

/** A MeshPassthrough with these settings, YAML in flow style. */
export const passthrough = (conf: string): string =>
  `type: MeshPassthrough\nname: out\nspec: {default: ${conf}}\n`
