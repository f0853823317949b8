import fc from 'fast-check'
import t from 'tap'
import { parseFile } from '../../../config/files.ts'
import { checkDocument } from '../../../config/kuma/check.ts'
import { compileView } from '../../../config/kuma/compile.ts'
import { viewMesh } from '../../../config/kuma/mesh-view.ts'
import { type Kind, resourceSchemas } from '../../../config/kuma/resources.ts'
import { newReporter } from '../../../config/report.ts'
import { formatProblem } from '../../../config/source.ts'
import { anyOf, type Pick } from '../../support/any-resource.ts'
import { smallMesh } from '../../support/kuma.ts'

const kinds = (Object.keys(resourceSchemas) as Kind[]).filter(
  // A proxy that a MeshIdentity selects may lack its labels: that is said of the proxy.
  (kind) => kind !== 'Mesh' && kind !== 'MeshIdentity',
)

/** Errors that are found in a small mesh with one resource more, a line each. */
function errorsOf(kind: Kind, protocol: string, pick: Pick): readonly string[] {
  const body = {
    ...(anyOf(resourceSchemas[kind], pick) as { spec?: { to?: object[] } }),
    ...{ type: kind, name: 'p', mesh: 'default' },
  }
  // A name taken at random would hardly ever be that of a destination.
  for (const entry of body.spec?.to ?? []) {
    if (pick(3) > 0) Object.assign(entry, { targetRef: { kind: 'MeshService', name: 'backend' } })
  }
  const reporter = newReporter()
  const resources = [
    { path: 'p.json', text: JSON.stringify(body) },
    { path: 'mesh.yaml', text: smallMesh(protocol) },
  ]
    .flatMap((file) => parseFile(file).documents)
    .map((document) => checkDocument(document, reporter))
    .filter((resource) => resource !== null)
  const view = viewMesh(resources, 'default')
  const compiled = view.proxies.flatMap(({ name }) => compileView(view, name).problems)
  return [...reporter.problems, ...compiled]
    .filter(({ severity }) => severity === 'error')
    .map(formatProblem)
}

t.test('resources: what a schema accepts is compiled, or refused where it stands', async (t) => {
  const choices = fc.array(fc.nat(999), { minLength: 200, maxLength: 200 })
  const protocols = fc.constantFrom('http', 'tcp', 'grpc')
  fc.assert(
    fc.property(fc.constantFrom(...kinds), protocols, choices, (kind, protocol, numbers) => {
      let place = 0
      const pick: Pick = (below) => {
        place += 1
        return (numbers[place % numbers.length] as number) % below
      }
      const elsewhere = errorsOf(kind, protocol, pick).filter((line) => !line.startsWith('p.json'))
      return elsewhere.length === 0
    }),
    { numRuns: 1_000, seed: 20_26 },
  )
  t.pass('nothing was said of a resource that is right')
})
