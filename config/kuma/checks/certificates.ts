import { checkSecret } from '../../../proxy/model/secret-check.ts'
import { newProblems } from '../../../proxy/problems.ts'
import type { Path, Reporter } from '../../report.ts'
import { certificateFields, readSource, verificationOf } from '../data-source.ts'
import type { MeshView } from '../mesh-view.ts'
import type { Resource } from '../resources.ts'

type CertificateField = (typeof certificateFields)[number]

/**
 * Reports certificates and keys of MeshExternalServices that cannot be had, or are none: they would leave a check out,
 * or be refused by the model where nobody looks. Read anew whenever the resources are.
 */
export function checkCertificates(view: MeshView, reporter: Reporter): void {
  for (const service of view.all('MeshExternalService')) checkService(view, service, reporter)
}

function checkService(
  view: MeshView,
  service: Resource<'MeshExternalService'>,
  reporter: Reporter,
): void {
  const sources = verificationOf(service.body)
  const at = (field: CertificateField): Path => ['spec', 'tls', 'verification', field]
  const texts: Partial<Record<CertificateField, string>> = {}
  for (const field of certificateFields) {
    const source = sources[field]
    if (source === undefined) continue
    const read = readSource(source, view)
    if (read.text !== null) texts[field] = read.text
    else reporter.error(service, at(field), read.problem, { hint: read.hint })
  }
  for (const [field, message] of pemProblems(texts)) reporter.error(service, at(field), message)
}

/** What the model says of the secrets that the texts will be. */
function pemProblems({ caCert, clientCert, clientKey }: Partial<Record<CertificateField, string>>) {
  const head = { name: 'x', origin: { source: 'kuma-files', name: 'x', version: '' } }
  const found: (readonly [part: CertificateField, message: string])[] = []
  const check = (raw: Readonly<Record<string, unknown>>): void => {
    const problems = newProblems()
    checkSecret({ ...head, ...raw }, problems)
    for (const { path, message } of problems.list) {
      found.push([
        path === 'chain' ? 'clientCert' : path === 'key' ? 'clientKey' : 'caCert',
        message,
      ])
    }
  }
  if (caCert !== undefined) check({ kind: 'trust', domains: [{ domain: '', bundle: caCert }] })
  if (clientCert !== undefined && clientKey !== undefined) {
    check({ kind: 'certificate', chain: clientCert, key: clientKey })
  }
  return found
}
