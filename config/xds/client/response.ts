import { isRecord, type Raw } from '../../../proxy/problems.ts'
import { decodeEnvelope, typeName } from '../proto/decode.ts'
import type { Incoming, Refusal } from './inventory.ts'
import { kindOf, type ResourceKind, resourceTypes } from './resource-type.ts'

/** A response, its resources still closed. */
export interface Response {
  readonly url: string
  /** Null: a type that we do not ask for. */
  readonly kind: ResourceKind | null
  readonly nonce: string
  /** Of the whole type; the state-of-the-world protocol alone. */
  readonly version: string
  readonly put: readonly Incoming[]
  readonly removed: readonly string[]
  /** What is wrong with single resources before they are even opened, as in one that is there twice. */
  readonly problems: readonly string[]
}

/** `envoy.service.discovery.v3.DeltaDiscoveryResponse`; a text when it cannot be read. */
export function readDelta(bytes: Uint8Array): Response | string {
  const { value, problem } = decodeEnvelope(
    'envoy.service.discovery.v3.DeltaDiscoveryResponse',
    bytes,
  )
  if (value === null) return `a response cannot be read: ${problem.path} ${problem.message}`
  const problems: string[] = []
  const put = listOf(value, 'resources').flatMap((one) => {
    const { resource, name, version } = one
    // Without the resource it is a sign of life of one that has a time to live.
    if (!isRecord(resource)) return []
    return incoming(
      resource,
      String(name ?? ''),
      String(version ?? ''),
      String(value.type_url),
      problems,
    )
  })
  const removed = Array.isArray(value.removed_resources) ? value.removed_resources.map(String) : []
  return finish(value, '', put, removed, problems)
}

/** `envoy.service.discovery.v3.DiscoveryResponse`; a text when it cannot be read. */
export function readStateOfTheWorld(bytes: Uint8Array): Response | string {
  const { value, problem } = decodeEnvelope('envoy.service.discovery.v3.DiscoveryResponse', bytes)
  if (value === null) return `a response cannot be read: ${problem.path} ${problem.message}`
  const problems: string[] = []
  const version = String(value.version_info ?? '')
  const put = listOf(value, 'resources').flatMap((any) => {
    const wrapped = unwrap(any)
    return wrapped === null
      ? []
      : incoming(wrapped.any, wrapped.name, version, String(value.type_url), problems)
  })
  return finish(value, version, put, [], problems)
}

function finish(
  value: Raw,
  version: string,
  put: readonly Incoming[],
  removed: readonly string[],
  problems: string[],
): Response {
  const url = String(value.type_url ?? '')
  return {
    url,
    kind: kindOf(url),
    nonce: String(value.nonce ?? ''),
    version,
    put,
    removed,
    problems,
  }
}

const wrapper = 'envoy.service.discovery.v3.Resource'

/** A resource may stand in a wrapper with its name; null for one without a resource in it. */
function unwrap(any: Raw): { readonly any: Raw; readonly name: string } | null {
  const bytes = any['@bytes']
  if (typeName(String(any['@type'])) !== wrapper || !(bytes instanceof Uint8Array))
    return { any, name: '' }
  const { value } = decodeEnvelope(wrapper, bytes)
  return isRecord(value?.resource) ? { any: value.resource, name: String(value.name ?? '') } : null
}

/** The closed resource, if it is of the type of the response. */
function incoming(
  any: Raw,
  name: string,
  version: string,
  url: string,
  problems: string[],
): readonly Incoming[] {
  const bytes = any['@bytes']
  const given = String(any['@type'])
  if (given !== url || !(bytes instanceof Uint8Array)) {
    problems.push(`${name || 'a resource'} is a ${given} in a response of ${url}`)
    return []
  }
  return [{ name, version, bytes }]
}

const listOf = (value: Raw, key: string): readonly Raw[] => {
  const list = value[key]
  return Array.isArray(list) ? list.filter(isRecord) : []
}

/** The name in a message that came without one around it; empty when there is none. */
export function nameIn(kind: ResourceKind, fields: Raw): string {
  const name = fields[resourceTypes[kind].nameField]
  return typeof name === 'string' ? name : ''
}

const maxReason = 4_096

/** Why a response was refused, for people: every resource with every reason; empty when it was not. */
export function reasonOf(problems: readonly string[], refusals: readonly Refusal[]): string {
  const lines = refusals.flatMap(({ kind, name, findings }) =>
    findings
      .filter(({ severity }) => severity === 'error')
      .map(({ path, message, hint }) => {
        const head = [`${resourceTypes[kind].title} ${name}`, path].filter((part) => part !== '')
        return `${head.join(' ')}: ${message}${hint === null ? '' : `; ${hint}`}`
      }),
  )
  const reason = [...problems, ...lines].join('\n')
  return reason.length > maxReason ? `${reason.slice(0, maxReason)}…` : reason
}
