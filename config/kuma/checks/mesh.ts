import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { checkRegex } from './headers.ts'

/** Reports backends that are named and not there. Kuma: `MeshResource.Validate`. */
export function checkMesh(mesh: Resource<'Mesh'>, reporter: Reporter): void {
  const { mtls, metrics } = mesh.body
  for (const [section, value] of Object.entries({ mtls, metrics })) {
    const { enabledBackend, backends = [] } = value ?? {}
    if (!enabledBackend || backends.some(({ name }) => name === enabledBackend)) continue
    const names = backends.map(({ name }) => name).join(', ') || 'there are none'
    const path = [section, 'enabledBackend']
    reporter.error(mesh, path, `must name one of ${section}.backends (${names})`)
  }
  for (const [index, { conf }] of (metrics?.backends ?? []).entries()) {
    const regex = conf?.envoy?.filterRegex
    const path: Path = ['metrics', 'backends', index, 'conf', 'envoy', 'filterRegex']
    if (regex !== undefined) checkRegex(mesh, regex, path, reporter)
  }
}
