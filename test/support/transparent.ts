/** A mesh whose proxy `web-1` has its traffic intercepted; `transparent` and `more` are YAML. */
export const transparentMesh = (
  more = '',
  transparent = 'redirectPortInbound: 15006, redirectPortOutbound: 15001, ipFamilyMode: IPv4',
  mesh = '',
): string => `
type: Mesh
name: default
skipCreatingInitialPolicies: ['*']
${mesh}
---
type: Dataplane
name: web-1
networking:
  address: 10.0.0.1
  transparentProxying: {${transparent}}
  inbound:
    - {port: 8080, tags: {kuma.io/service: web, kuma.io/protocol: http}}
  outbound:
    - {port: 10001, tags: {kuma.io/service: backend}}
    - {address: 240.0.0.1, port: 80, tags: {kuma.io/service: backend}}
---
type: Dataplane
name: backend-1
networking:
  address: 10.0.0.2
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: backend, kuma.io/protocol: http}}
---
type: MeshService
name: backend
labels: {team: shop}
spec:
  selector: {dataplaneTags: {kuma.io/service: backend}}
  ports:
    - {port: 80, targetPort: 8080, appProtocol: http}
    - {port: 81, targetPort: 8080, appProtocol: tcp}
status: {vips: [{ip: 241.0.0.1}, {ip: 'fd00:fd00::1'}], addresses: [{hostname: backend.svc.mesh.local}]}
---
type: MeshExternalService
name: outside
spec:
  match: {type: HostnameGenerator, port: 443, protocol: tcp}
  endpoints: [{address: 198.51.100.1, port: 443}]
status: {vips: [{ip: 242.0.0.1}]}
${more === '' ? '' : `---\n${more}`}`
