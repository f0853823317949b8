import t from 'tap'
import { retryPolicy } from '../../../../config/xds/route/retry-policy.ts'
import { extension } from '../../../support/listeners.ts'
import { translation } from '../../../support/translation.ts'

const retryOf = (fields: object) =>
  translation('envoy.config.route.v3.RetryPolicy', { ...fields }, (place) =>
    retryPolicy(place, 65_536),
  )
const hosts = 'envoy.extensions.retry.host'

t.test('xds retry: with nothing said it is as Envoy has it', async (t) => {
  t.same(retryOf({ retry_on: '5xx' }), {
    value: {
      retryOn: ['5xx'],
      statuses: [],
      maxRetries: 1,
      perTryTimeoutMs: 0,
      backOffBaseMs: 25,
      backOffMaxMs: 250,
      rateLimitedBackOff: null,
      retriableRequestHeaders: [],
      retriableResponseHeaders: [],
      hostSelectionAttempts: 3,
      hostSelection: null,
      replayBytes: 65_536,
      budgetPercent: null,
    },
    said: [],
  })
  t.equal(retryOf({}).value, null)
  t.equal(retryOf({ retry_on: '5xx', num_retries: 0 }).value, null)
})

t.test('xds retry: everything that is read arrives', async (t) => {
  const { value, said } = retryOf({
    retry_on: 'gateway-error, retriable-status-codes,retriable-headers',
    num_retries: 7,
    per_try_timeout: '16s',
    retriable_status_codes: [418],
    retry_back_off: { base_interval: '0.1s' },
    rate_limited_retry_back_off: {
      reset_headers: [{ name: 'Retry-After' }, { name: 'x-reset', format: 'UNIX_TIMESTAMP' }],
      max_interval: '20s',
    },
    retriable_headers: [{ name: 'x-again', present_match: true }],
    retriable_request_headers: [{ name: ':method', string_match: { exact: 'GET' } }],
    retry_host_predicate: [
      extension(`${hosts}.previous_hosts.v3.PreviousHostsPredicate`),
      extension(`${hosts}.omit_host_metadata.v3.OmitHostMetadataConfig`, {
        metadata_match: { filter_metadata: { 'envoy.lb': { version: 'v2' } } },
      }),
    ],
    host_selection_retry_max_attempts: 5,
    retry_priority: extension(
      'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
      {
        update_frequency: 2,
      },
    ),
  })
  t.same(said, [])
  t.match(value, {
    retryOn: ['gateway-error', 'retriable-status-codes', 'retriable-headers'],
    statuses: [418],
    maxRetries: 7,
    perTryTimeoutMs: 16_000,
    backOffBaseMs: 100,
    backOffMaxMs: 1_000,
    rateLimitedBackOff: {
      resetHeaders: [
        { name: 'retry-after', format: 'seconds' },
        { name: 'x-reset', format: 'unix_timestamp' },
      ],
      maxMs: 20_000,
    },
    retriableResponseHeaders: [{ name: 'x-again', match: { kind: 'present' } }],
    retriableRequestHeaders: [{ name: ':method', match: { kind: 'exact', value: 'GET' } }],
    hostSelectionAttempts: 5,
    hostSelection: { omitTags: [{ version: 'v2' }], omitPrioritiesAfter: 2 },
  })
})

t.test('xds retry: what is wrong is told', async (t) => {
  const on = { retry_on: '5xx' }
  const table: readonly (readonly [object, RegExp])[] = [
    [
      { retry_on: '5xx,canceled' },
      /^warning retry_on: canceled is not known and has no effect \(known: 5xx, /,
    ],
    [{ ...on, per_try_idle_timeout: '1s' }, /^error per_try_idle_timeout: is not supported here/],
    [
      { ...on, retry_back_off: { base_interval: '1s', max_interval: '0.5s' } },
      /^error retry_back_off\.max_interval: must be at least base_interval/,
    ],
    [
      {
        ...on,
        retry_host_predicate: [extension(`${hosts}.omit_canary_hosts.v3.OmitCanaryHostsPredicate`)],
      },
      /^error retry_host_predicate\[0\]\.typed_config: .*OmitCanaryHostsPredicate is not supported here/,
    ],
    [
      {
        ...on,
        retry_priority: extension(`${hosts}.omit_canary_hosts.v3.OmitCanaryHostsPredicate`),
      },
      /^error retry_priority\.typed_config: .*OmitCanaryHostsPredicate is not supported here/,
    ],
    [
      {
        ...on,
        retry_priority: extension(
          'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
        ),
      },
      /^error retry_priority\.typed_config\.update_frequency: must be at least 1/,
    ],
  ]
  for (const [fields, expected] of table) t.match(retryOf(fields).said, [expected])
})
