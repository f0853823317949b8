import type { Environment } from '../../config/environment.ts'
import { parseFile } from '../../config/files.ts'
import { checkDocument } from '../../config/kuma/check.ts'
import { type Compilation, compile } from '../../config/kuma/compile.ts'
import type { Resource } from '../../config/kuma/resources.ts'
import { newReporter } from '../../config/report.ts'
import { formatProblem, type SourceProblem } from '../../config/source.ts'

/** The resources of a YAML text, as if it stood in `mesh.yaml`; throws on anything wrong with one of them. */
export function resourcesOf(text: string): readonly Resource[] {
  const { documents, problems } = parseFile({ path: 'mesh.yaml', text })
  const reporter = newReporter()
  const resources = documents.map((document) => checkDocument(document, reporter))
  const errors = [...problems, ...reporter.problems].filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(errors.map(formatProblem).join('\n'))
  return resources.filter((resource) => resource !== null)
}

/** A Dataplane of a mesh given as text, compiled; throws when it cannot be. */
export function compiledOf(
  text: string,
  name: string,
  mesh = 'default',
  environment: Environment = {},
): Compilation {
  const { compilation, problems } = compile(resourcesOf(text), mesh, name, environment)
  if (compilation === null) throw new Error(problems.map(formatProblem).join('\n'))
  return compilation
}

/** What compiling says, a line each. */
export function complaintsOf(text: string, name: string, mesh = 'default'): readonly string[] {
  const { problems } = compile(resourcesOf(text), mesh, name)
  return problems.map((problem: SourceProblem) => formatProblem(problem))
}

/** A service `backend` on two proxies and a caller `web-1` with an outbound to it on port 10001; no mutual TLS. */
export const smallMesh = (protocol = 'http'): string => `
type: Mesh
name: default
skipCreatingInitialPolicies: ['*']
---
type: Dataplane
name: web-1
networking:
  address: 10.0.0.1
  inbound:
    - {port: 8080, servicePort: 9080, name: main, tags: {kuma.io/service: web, kuma.io/protocol: ${protocol}}}
  outbound:
    - {port: 10001, tags: {kuma.io/service: backend}}
---
type: Dataplane
name: backend-1
networking:
  address: 10.0.0.2
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: backend, kuma.io/protocol: ${protocol}, version: v1}}
---
type: Dataplane
name: backend-2
networking:
  address: 10.0.0.3
  inbound:
    - {port: 8080, servicePort: 9080, tags: {kuma.io/service: backend, kuma.io/protocol: ${protocol}, version: v2}}
`

/** `smallMesh` with a policy of `kind`; `spec` is YAML in flow style. */
export const withPolicy = (kind: string, spec: string, protocol = 'http'): string =>
  `${smallMesh(protocol)}---\ntype: ${kind}\nname: p\nspec: ${spec}\n`
