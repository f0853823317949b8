import { isRecord, type Raw } from '../../proxy/problems.ts'
import { parseFile, type SourceDocument, type SourceFile } from '../files.ts'
import { checkDocument } from '../kuma/check.ts'
import type { Resource } from '../kuma/resources.ts'
import { newReporter } from '../report.ts'
import { hasErrors, type SourceProblem } from '../source.ts'
import { renderTemplate, type TemplateVariables } from './dataplane-template.ts'

/** The Dataplane we bring along; the control plane stores it while we are connected. */
export interface OwnDataplane {
  readonly mesh: string
  readonly name: string
  /** `networking.admin.port`; null when it does not say. */
  readonly adminPort: number | null
  /** The resource as the control plane reads it: JSON with `type`, `mesh`, `name`, `labels`, `networking`. */
  readonly json: string
}

/** The Dataplane of a template, null when something is wrong with it; and all that is to be said of it. */
export function readOwnDataplane(
  template: SourceFile,
  variables: TemplateVariables,
): { readonly dataplane: OwnDataplane | null; readonly problems: readonly SourceProblem[] } {
  const rendered = renderTemplate(template, variables)
  if (rendered.problems.length > 0) return { dataplane: null, problems: rendered.problems }
  const { documents, problems } = parseFile({ path: template.path, text: rendered.text })
  const reporter = newReporter()
  const [document] = documents
  const resource = document === undefined ? null : checkDocument(document, reporter)
  const all = [
    ...problems,
    ...reporter.problems.filter((one) => !seenToByControlPlane(one)),
    ...(problems.length > 0 ? [] : shapeProblems(template, documents, resource)),
  ]
  const wrong = hasErrors(all) || document === undefined || resource?.kind !== 'Dataplane'
  return { dataplane: wrong ? null : ownOf(document, resource), problems: all }
}

/** Without a control plane nobody asks for the state of an inbound; with one, HDS does. */
const seenToByControlPlane = ({ path, severity }: SourceProblem): boolean =>
  severity === 'warning' && path.includes('serviceProbe')

function shapeProblems(
  { path: file }: SourceFile,
  documents: readonly SourceDocument[],
  resource: Resource | null,
): readonly SourceProblem[] {
  const problem = (message: string): readonly SourceProblem[] => [
    { file, line: 0, column: 0, resource: '', path: '', message, hint: null, severity: 'error' },
  ]
  if (documents.length !== 1)
    return problem(`must be one Dataplane, got ${documents.length} documents`)
  if (resource !== null && resource.kind !== 'Dataplane')
    return problem(`must be a Dataplane, got a ${resource.kind}`)
  return []
}

function ownOf(document: SourceDocument, resource: Resource): OwnDataplane {
  const { mesh, name } = resource
  const body: Raw = isRecord(document.value) ? document.value : {}
  return {
    mesh,
    name,
    adminPort: adminPortOf(body),
    json: JSON.stringify({ ...body, type: 'Dataplane', mesh, name }),
  }
}

function adminPortOf({ networking }: Raw): number | null {
  const admin = isRecord(networking) && isRecord(networking.admin) ? networking.admin : {}
  return typeof admin.port === 'number' && admin.port > 0 ? admin.port : null
}
