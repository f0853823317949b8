import { isIP } from 'node:net'
import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { checkVersions } from './tls.ts'

/** Reports endpoints that nobody can call and TLS that cannot be spoken. Kuma: `MeshExternalServiceResource.validate`. */
export function checkExternalService(
  service: Resource<'MeshExternalService'>,
  reporter: Reporter,
): void {
  const { endpoints = [], tls } = service.body.spec
  for (const [index, { address, port }] of endpoints.entries()) {
    const path: Path = ['spec', 'endpoints', index]
    if (address.startsWith('unix://')) {
      if (!address.startsWith('unix:///')) {
        reporter.error(service, [...path, 'address'], 'must have an absolute path after unix://')
      }
      if (port !== undefined) {
        reporter.error(service, [...path, 'port'], 'has no place beside a socket', { atKey: true })
      }
      continue
    }
    if (isIP(address) === 0 && !hostName.test(address)) {
      const message = 'must be an IP address, a host name, or unix:// and a path'
      reporter.error(service, [...path, 'address'], message)
    }
    if (port === undefined) reporter.error(service, [...path, 'port'], 'is required')
  }
  checkNames(service, reporter)
  checkVersions(service, tls?.version, ['spec', 'tls', 'version'], reporter)
  const { clientCert, clientKey } = tls?.verification ?? {}
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    const path = ['spec', 'tls', 'verification', clientCert ? 'clientCert' : 'clientKey']
    const other = clientCert ? 'clientKey' : 'clientCert'
    reporter.error(service, path, `needs the field "${other}" beside it`, { atKey: true })
  }
}

/** With nothing to compare a certificate with, one for anything would do. */
function checkNames(service: Resource<'MeshExternalService'>, reporter: Reporter): void {
  const { endpoints = [], tls } = service.body.spec
  const { mode = 'Secured', serverName, subjectAltNames = [] } = tls?.verification ?? {}
  if (tls?.enabled !== true || mode === 'SkipSAN' || mode === 'SkipAll') return
  if (serverName !== undefined || subjectAltNames.length > 0) return
  if (endpoints.some(({ address }) => !address.startsWith('unix://'))) return
  reporter.error(service, ['spec', 'tls'], 'needs verification.serverName or subjectAltNames', {
    hint: 'no endpoint has a name to compare the certificate with',
  })
}

/** RFC 1123, with underscores as they are met. */
const hostName =
  /^(?=.{1,253}$)[a-zA-Z0-9_]([\w-]{0,61}[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([\w-]{0,61}[a-zA-Z0-9_])?)*\.?$/
