import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { fillTemplate, hostnameValues, templateProblem } from '../template.ts'

/** Reports templates that make no host name. Kuma: `HostnameGeneratorResource.validate`. */
export function checkHostnameGenerator(
  generator: Resource<'HostnameGenerator'>,
  reporter: Reporter,
): void {
  const { template, selector } = generator.body.spec
  const path: Path = ['spec', 'template']
  if (template === undefined || selector === undefined) {
    const missing = template === undefined ? 'template' : 'selector'
    reporter.error(generator, ['spec'], `needs the field "${missing}"`, { atKey: true })
    return
  }
  const problem = templateProblem(template, hostnameValues)
  if (problem !== null) {
    reporter.error(generator, path, problem)
    return
  }
  const anything = new Proxy({}, { get: () => 'x' })
  const example = fillTemplate(template, anything, anything) ?? ''
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(example)) return
  reporter.error(generator, path, 'must make a host name: lower-case letters, digits, "-" and "."')
}
