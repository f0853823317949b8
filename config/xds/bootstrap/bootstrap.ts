import { readFileSync } from 'node:fs'
import { isRecord, type Raw } from '../../../proxy/problems.ts'
import { parseFile, type SourceDocument } from '../../files.ts'
import { didYouMean } from '../../nearest.ts'
import { newReporter, type Path, type Reporter } from '../../report.ts'
import { hasErrors, type SourceProblem } from '../../source.ts'
import type { Fixed } from '../client/inventory.ts'
import { resourceTypes } from '../client/resource-type.ts'
import { decodeMessage } from '../proto/decode.ts'
import { encodeMessage } from '../proto/encode.ts'
import type { ApiServer } from '../reading/api-config-source.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import {
  each,
  type Finding,
  fail,
  inside,
  newReport,
  type Place,
  placeOf,
  warn,
} from '../reading/report.ts'
import { text } from '../reading/values.ts'
import { controlPlaneSettings } from './control-plane.ts'
import { withForeignClosed } from './foreign.ts'
import { hintOf } from './hint.ts'
import { pathIn, stepsOf } from './path.ts'

/** An Envoy bootstrap, as far as it concerns us. */
export interface Bootstrap {
  /** `envoy.config.core.v3.Node`. */
  readonly node: Raw
  /** Null: everything stands in the bootstrap. */
  readonly controlPlane: ApiServer | null
  readonly fixed: readonly Fixed[]
  readonly problems: readonly SourceProblem[]
}

const message = 'envoy.config.bootstrap.v3.Bootstrap'

export const bootstrapFields: Coverage = {
  message,
  read: ['node', 'static_resources', 'dynamic_resources', 'admin', 'layered_runtime'],
  harmless: {
    application_log_config: 'see --log-level and --log-format',
    bootstrap_extensions: 'of Envoy itself',
    cluster_manager: 'of Envoy itself',
    default_regex_engine: 'expressions are matched in linear time by the one there is',
    default_socket_interface: 'of Envoy itself',
    deferred_stat_options: 'statistics',
    dns_resolution_config: 'the system resolves',
    enable_dispatcher_stats: 'statistics',
    fatal_actions: 'of Envoy itself',
    flags_path: 'of Envoy itself',
    grpc_async_client_manager_config: 'of Envoy itself',
    hds_config: 'health is told to Kuma by --cp-address alone',
    listener_manager: 'of Envoy itself',
    memory_allocator_manager: 'of Envoy itself',
    node_context_params: 'for names of resources that are not used here',
    overload_manager: 'limits are those of the listeners',
    perf_tracing_file_path: 'of Envoy itself',
    stats_config: 'statistics',
    stats_eviction_interval: 'statistics',
    stats_flush_interval: 'statistics',
    stats_flush_on_admin: 'statistics',
    stats_server_version_override: 'statistics',
    stats_sinks: 'see /metrics',
    typed_dns_resolver_config: 'the system resolves',
    use_tcp_for_dns_lookups: 'the system resolves',
    watchdog: 'workers are watched always',
    watchdogs: 'workers are watched always',
  },
}

export const staticFields: Coverage = {
  message: `${message}.StaticResources`,
  read: ['clusters', 'listeners', 'secrets'],
  harmless: {},
}

/** Reads an Envoy bootstrap (YAML or JSON). Every mistake has its place; with errors the rest is of no use. */
export function readBootstrap(path: string): Bootstrap {
  const nothing = { node: {}, controlPlane: null, fixed: [] }
  let file: { readonly path: string; readonly text: string }
  try {
    file = { path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    return { ...nothing, problems: [fileProblem(path, `cannot be read: ${reasonOf(error)}`)] }
  }
  const { documents, problems } = parseFile(file)
  const [document, another] = documents
  if (document === undefined || another !== undefined || hasErrors(problems)) {
    const wrong = document === undefined ? 'holds no Envoy bootstrap' : 'holds several documents'
    return { ...nothing, problems: hasErrors(problems) ? problems : [fileProblem(path, wrong)] }
  }
  const reporter = newReporter()
  const subject = { file, index: document.index, label: '' }
  const tell = tellerOf(reporter, document, subject)
  const fields = normalized(document.value, tell)
  if (fields === null) return { ...nothing, problems: reporter.problems }
  const report = newReport()
  const place = placeOf(fields, report)
  checkFields(place, bootstrapFields)
  if (inside(place, 'admin') !== null) warn(place, 'admin', 'is not looked at', 'see --admin')
  const runtime = inside(place, 'layered_runtime')
  if (runtime !== null && each(runtime, 'layers').some(saysKeys)) {
    warn(place, 'layered_runtime', 'is not looked at: of every runtime_key the default holds')
  }
  const controlPlane = controlPlaneSettings(place)
  const fixed = fixedOf(place, document, subject)
  if (controlPlane !== null) checkControlPlane(place, controlPlane, fixed)
  for (const finding of report.findings) tell(finding)
  const node = inside(place, 'node')
  return { node: node?.fields ?? {}, controlPlane, fixed, problems: reporter.problems }
}

/** Whether a layer may say something of a `runtime_key`: what is set at an admin page is not there, and some keys are of Envoy itself. */
const saysKeys = ({ fields: { static_layer: fixed, admin_layer: told } }: Place): boolean =>
  told === undefined &&
  (!isRecord(fixed) || Object.keys(fixed).some((key) => !/^(envoy|re2|overload)(\.|$)/.test(key)))

type Subject = Parameters<Reporter['error']>[0]
type Tell = (finding: Finding) => void

const tellerOf =
  (reporter: Reporter, document: SourceDocument, subject: Subject): Tell =>
  ({ path, message, hint, severity }) => {
    const at: Path = pathIn(document.value, path)
    // What is not in the document cannot be shown there.
    const rest = stepsOf(path).slice(at.length).join('.')
    const say = severity === 'error' ? reporter.error : reporter.warn
    say(subject, at, rest === '' ? message : `${rest} ${message}`, { hint, atKey: true })
  }

function checkControlPlane(place: Place, { cluster }: ApiServer, fixed: readonly Fixed[]): void {
  const known = fixed.filter(({ kind }) => kind === 'clusters').map(({ name }) => name)
  if (known.includes(cluster)) return
  const key = 'dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name'
  const hint = didYouMean(cluster, known) ?? undefined
  fail(place, key, `"${cluster}" is not among static_resources.clusters`, hint)
}

/** The document as a message that was sent would read: names in snake case, every value of its type. */
function normalized(value: unknown, tell: Tell): Raw | null {
  const wrong = (path: string, message: string): null => {
    tell({ path, message, hint: hintOf(path, message), severity: 'error' })
    return null
  }
  const known = withForeignClosed(value)
  if (!isRecord(known)) return wrong('', 'must be a map')
  try {
    const decoded = decodeMessage(message, encodeMessage(message, known))
    return decoded.value ?? wrong(decoded.problem.path, decoded.problem.message)
  } catch (error) {
    const [, path = '', why = ''] = /^([^\s:]*): (.*)$/s.exec(String(reasonOf(error))) ?? []
    return why === '' ? wrong('', reasonOf(error)) : wrong(path, why)
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

function fixedOf(place: Place, document: SourceDocument, subject: Subject): readonly Fixed[] {
  const resources = inside(place, 'static_resources')
  if (resources === null) return []
  checkFields(resources, staticFields)
  return (['clusters', 'secrets', 'listeners'] as const).flatMap((kind) => {
    const taken = new Set<string>()
    return each(resources, kind).map((one, index) => {
      const { message: type, title, nameField } = resourceTypes[kind]
      const name = text(one, nameField) || `#${index}`
      if (taken.has(name)) fail(one, nameField, `${name} is the name of another, too`)
      taken.add(name)
      // Only what is named can be told apart; Envoy names a listener itself, too.
      const fields = text(one, nameField) === '' ? { ...one.fields, [nameField]: name } : one.fields
      return {
        kind,
        name,
        version: '',
        bytes: encodeMessage(type, fields),
        problem(finding: Finding) {
          const reporter = newReporter()
          const path = finding.path === '' ? one.path : `${one.path}.${finding.path}`
          tellerOf(reporter, document, { ...subject, label: `${title}/${name}` })({
            ...finding,
            path,
          })
          const [problem = fileProblem(subject.file.path, finding.message)] = reporter.problems
          return problem
        },
      }
    })
  })
}

const fileProblem = (file: string, message: string): SourceProblem => ({
  file,
  line: 0,
  column: 0,
  resource: '',
  path: '',
  message,
  hint: null,
  severity: 'error',
})
