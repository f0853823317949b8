import { type Generation, protocolOf } from './generation.ts'
import { dataplane3, kuma3 } from './three.ts'

/** 2.x on its way to 3.x: MeshServices, a MeshIdentity and `rules`, while inbounds still have tags. */
export const kuma2Services: Generation = {
  ...kuma3,
  mesh: { ...kuma3.mesh, meshServices: { mode: 'Exclusive' } },
  dataplane: (service, ports) =>
    dataplane3(service, ports, {
      tags: { 'kuma.io/service': service, 'kuma.io/protocol': protocolOf(service) },
    }),
}
