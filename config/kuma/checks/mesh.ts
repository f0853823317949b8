import { didYouMean } from '../../nearest.ts'
import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { checkRegex } from './headers.ts'

/** Who may issue certificates: those that come with Kuma, and plugins. Kuma: `pkg/plugins/ca`. */
const issuers = ['builtin', 'provided', 'vault', 'acmpca', 'certmanager']

/** Reports backends that are named and not there, or of a type that is most likely misspelled. Kuma: `MeshResource.Validate`. */
export function checkMesh(mesh: Resource<'Mesh'>, reporter: Reporter): void {
  const { mtls, metrics } = mesh.body
  for (const [section, value] of Object.entries({ mtls, metrics })) {
    const { enabledBackend, backends = [] } = value ?? {}
    if (!enabledBackend || backends.some(({ name }) => name === enabledBackend)) continue
    const names = backends.map(({ name }) => name).join(', ') || 'there are none'
    const path = [section, 'enabledBackend']
    reporter.error(mesh, path, `must name one of ${section}.backends (${names})`)
  }
  for (const [index, { type }] of (mtls?.backends ?? []).entries()) {
    const hint = issuers.includes(type) ? null : didYouMean(type, issuers)
    if (hint === null) continue
    const path: Path = ['mtls', 'backends', index, 'type']
    reporter.warn(mesh, path, `unknown type ${JSON.stringify(type)}`, { hint })
  }
  for (const [index, { conf }] of (metrics?.backends ?? []).entries()) {
    const regex = conf?.envoy?.filterRegex
    const path: Path = ['metrics', 'backends', index, 'conf', 'envoy', 'filterRegex']
    if (regex !== undefined) checkRegex(mesh, regex, path, reporter)
  }
}
