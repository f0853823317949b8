import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { meshTlsConf } from '../schemas/mesh-tls.ts'
import { confsOf } from './confs.ts'

interface Versions {
  readonly min?: string | undefined
  readonly max?: string | undefined
}

/** Reports versions of MeshTLS that exclude each other or are not spoken. */
export function checkTls(policy: Resource<'MeshTLS'>, reporter: Reporter): void {
  for (const { path, conf } of confsOf(policy, meshTlsConf)) {
    checkVersions(policy, conf.tlsVersion, [...path, 'tlsVersion'], reporter)
  }
}

/** TLS before 1.2 is not spoken at all (RFC 8996). */
export function checkVersions(
  subject: Resource,
  versions: Versions | undefined,
  path: Path,
  reporter: Reporter,
): void {
  const { min = 'TLSAuto', max = 'TLSAuto' } = versions ?? {}
  for (const [bound, version] of Object.entries({ min, max })) {
    if (version !== 'TLS10' && version !== 'TLS11') continue
    reporter.warn(subject, [...path, bound], `${version} is not spoken; TLS12 is used`)
  }
  if (min !== 'TLSAuto' && max !== 'TLSAuto' && min > max) {
    reporter.error(subject, [...path, 'min'], `must not be above max (${max})`)
  }
}
