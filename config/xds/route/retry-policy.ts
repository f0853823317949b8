import { type RetryConfig, retryOnWords } from '../../../proxy/policies/retry.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import { durationMs, failUnknown, labels, number, text, typed, word } from '../reading/values.ts'
import { headerMatch } from './route-match.ts'

const retryFields: Coverage = {
  message: 'envoy.config.route.v3.RetryPolicy',
  read: [
    'retry_on',
    'num_retries',
    'per_try_timeout',
    'retry_priority',
    'retry_host_predicate',
    'host_selection_retry_max_attempts',
    'retriable_status_codes',
    'retry_back_off',
    'rate_limited_retry_back_off',
    'retriable_headers',
    'retriable_request_headers',
  ],
  harmless: {
    refresh_cluster_on_retry: 'a route’s cluster does not change between tries',
  },
}

const backOffFields: Coverage = {
  message: 'envoy.config.route.v3.RetryPolicy.RetryBackOff',
  read: ['base_interval', 'max_interval'],
  harmless: {},
}

/**
 * `RetryPolicy`; null when nothing is tried again. Endpoints already tried are avoided whether or not a predicate says so,
 * up to 3 picks; what a predicate says counts. `replayBytes` of a request are kept for another try.
 */
export function retryPolicy(place: Place, replayBytes: number): RetryConfig | null {
  checkFields(place, retryFields)
  const retries = number(place, 'num_retries', 1)
  const retryOn = retryWords(place)
  const statuses = codes(place)
  const selection = hostSelection(place)
  if (retries === 0 || retryOn.length === 0) return null
  const { base, max } = backOff(place)
  return {
    retryOn,
    statuses,
    maxRetries: Math.min(retries, 100),
    perTryTimeoutMs: durationMs(place, 'per_try_timeout', 0),
    backOffBaseMs: base,
    backOffMaxMs: max,
    rateLimitedBackOff: rateLimited(place),
    retriableRequestHeaders: each(place, 'retriable_request_headers').flatMap(headerMatch),
    retriableResponseHeaders: each(place, 'retriable_headers').flatMap(headerMatch),
    ...selection,
    replayBytes,
    budgetPercent: null,
  }
}

function retryWords(place: Place): RetryConfig['retryOn'] {
  const said = text(place, 'retry_on')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
  const unknown = said.filter((one) => !retryOnWords.some((known) => known === one))
  if (unknown.length > 0) {
    const hint = `known: ${retryOnWords.join(', ')}`
    warn(place, 'retry_on', `${unknown.join(', ')} is not known and has no effect`, hint)
  }
  return retryOnWords.filter((known) => said.includes(known))
}

function codes(place: Place): readonly number[] {
  const list = place.fields.retriable_status_codes
  return Array.isArray(list) ? list.filter((one) => typeof one === 'number') : []
}

/** Both in ms; the longest is ten times the shortest unless it is said. */
function backOff(place: Place): { readonly base: number; readonly max: number } {
  const found = inside(place, 'retry_back_off')
  if (found === null) return { base: 25, max: 250 }
  checkFields(found, backOffFields)
  const base = Math.max(1, durationMs(found, 'base_interval', 25))
  const max = durationMs(found, 'max_interval', Math.min(base * 10, 2_147_483_647))
  if (max < base) fail(found, 'max_interval', 'must be at least base_interval')
  return { base, max }
}

const limitedFields: Coverage = {
  message: 'envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff',
  read: ['reset_headers', 'max_interval'],
  harmless: {},
}

const resetFields: Coverage = {
  message: 'envoy.config.route.v3.RetryPolicy.ResetHeader',
  read: ['name', 'format'],
  harmless: {},
}

function rateLimited(place: Place): RetryConfig['rateLimitedBackOff'] {
  const found = inside(place, 'rate_limited_retry_back_off')
  if (found === null) return null
  checkFields(found, limitedFields)
  return {
    resetHeaders: each(found, 'reset_headers').map((header) => {
      checkFields(header, resetFields)
      const format = word(header, 'format', ['SECONDS', 'UNIX_TIMESTAMP'], 'SECONDS')
      return {
        name: text(header, 'name').toLowerCase(),
        format: format === 'SECONDS' ? 'seconds' : 'unix_timestamp',
      }
    }),
    maxMs: Math.max(1, durationMs(found, 'max_interval', 300_000)),
  }
}

const predicateFields: Coverage = {
  message: 'envoy.config.route.v3.RetryPolicy.RetryHostPredicate',
  read: ['typed_config'],
  harmless: { name: 'the type says what it is' },
}

const previousHosts = 'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate'

const omitFields: Coverage = {
  message: 'envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig',
  read: ['metadata_match'],
  harmless: {},
}

const priorityFields: Coverage = {
  message: 'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
  read: ['update_frequency'],
  harmless: {},
}

/** What a further try keeps away from. */
function hostSelection(place: Place): Pick<RetryConfig, 'hostSelectionAttempts' | 'hostSelection'> {
  const predicates = each(place, 'retry_host_predicate')
  const omitTags = predicates.flatMap(omittedTags)
  const omitPrioritiesAfter = previousPriorities(place)
  const plain = omitTags.length === 0 && omitPrioritiesAfter === 0
  const attempts = number(place, 'host_selection_retry_max_attempts', 1)
  return {
    hostSelectionAttempts: predicates.length === 0 ? 3 : Math.min(attempts, 1_000),
    hostSelection: plain ? null : { omitTags, omitPrioritiesAfter },
  }
}

function omittedTags(predicate: Place): readonly Readonly<Record<string, string>>[] {
  checkFields(predicate, predicateFields)
  const config = typed(predicate, 'typed_config')
  if (config?.type === previousHosts) return []
  if (config?.type !== omitFields.message) {
    failUnknown(config ?? { type: '', place: predicate }, [previousHosts, omitFields.message])
    return []
  }
  checkFields(config.place, omitFields)
  const match = inside(config.place, 'metadata_match')
  const namespaces = match === null ? null : inside(match, 'filter_metadata')
  return [labels(namespaces?.fields['envoy.lb'])]
}

function previousPriorities(place: Place): number {
  const priority = inside(place, 'retry_priority')
  if (priority === null) return 0
  const config = typed(priority, 'typed_config')
  if (config?.type !== priorityFields.message) {
    failUnknown(config ?? { type: '', place: priority }, [priorityFields.message])
    return 0
  }
  checkFields(config.place, priorityFields)
  const after = number(config.place, 'update_frequency')
  if (after < 1) fail(config.place, 'update_frequency', 'must be at least 1')
  return Math.min(after, 1_000)
}

export const retryCoverages: readonly Coverage[] = [
  retryFields,
  backOffFields,
  limitedFields,
  resetFields,
  predicateFields,
  { message: previousHosts, read: [], harmless: {} },
  omitFields,
  priorityFields,
]
