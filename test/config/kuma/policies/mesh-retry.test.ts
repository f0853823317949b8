import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

/** The retry policy of the default route. */
function retryOf(conf: string, protocol = 'http') {
  const spec = `{to: [{targetRef: {kind: Mesh}, default: ${conf}}]}`
  const { snapshot } = compiledOf(withPolicy('MeshRetry', spec, protocol), 'web-1')
  const table = snapshot.routeTables.find(({ name }) => name.startsWith('outbound'))
  return table?.virtualHosts[0]?.routes.at(-1)?.policies.find(({ kind }) => kind === 'retry')
}

const defaults = {
  kind: 'retry',
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
  retryOn: ['gateway-error', 'connect-failure', 'refused-stream'],
}
const exact = (name: string, value: string) => ({
  name,
  match: { kind: 'exact', value, ignoreCase: false },
  invert: false,
})

t.test('mesh-retry: an empty http section has the defaults', async (test) => {
  test.same(retryOf('{http: {}}'), defaults)
})

t.test('mesh-retry: numbers and times', async (test) => {
  const conf = '{http: {numRetries: 4, perTryTimeout: 1s, backOff: {baseInterval: 10ms}}}'
  test.same(retryOf(conf), {
    ...defaults,
    maxRetries: 4,
    perTryTimeoutMs: 1_000,
    backOffBaseMs: 10,
    backOffMaxMs: 100,
  })
})

t.test('mesh-retry: words, statuses and methods', async (test) => {
  const conf = '{http: {retryOn: [5xx, "429", Reset, HttpMethodGet, HttpMethodPut]}}'
  test.same(retryOf(conf), {
    ...defaults,
    retryOn: ['5xx', 'reset', 'retriable-status-codes'],
    statuses: [429],
    retriableRequestHeaders: [exact(':method', 'GET'), exact(':method', 'PUT')],
  })
})

t.test('mesh-retry: headers of request and response', async (test) => {
  const conf = `{http: {retryOn: [5xx], retriableRequestHeaders: [{type: Present, name: X-Again}],
    retriableResponseHeaders: [{name: x-busy, value: "1"}, {type: Absent, name: x-done}]}}`
  test.same(retryOf(conf), {
    ...defaults,
    retryOn: ['5xx', 'retriable-headers'],
    retriableRequestHeaders: [{ name: 'x-again', match: { kind: 'present' }, invert: false }],
    retriableResponseHeaders: [
      exact('x-busy', '1'),
      { name: 'x-done', match: { kind: 'absent' }, invert: false },
    ],
  })
})

t.test('mesh-retry: delays that answers name', async (test) => {
  const conf =
    '{http: {rateLimitedBackOff: {resetHeaders: [{name: retry-after, format: Seconds}, {name: at, format: UnixTimestamp}]}}}'
  test.same(retryOf(conf), {
    ...defaults,
    rateLimitedBackOff: {
      resetHeaders: [
        { name: 'retry-after', format: 'seconds' },
        { name: 'at', format: 'unix_timestamp' },
      ],
      maxMs: 300_000,
    },
  })
})

t.test('mesh-retry: numRetries 0 is no policy', async (test) => {
  test.equal(retryOf('{http: {numRetries: 0}}'), undefined)
})

t.test('mesh-retry: gRPC has its own section', async (test) => {
  test.equal(retryOf('{http: {numRetries: 2}}', 'grpc'), undefined)
  test.same(retryOf('{grpc: {numRetries: 2, retryOn: [Canceled, Unavailable]}}', 'grpc'), {
    ...defaults,
    maxRetries: 2,
    retryOn: ['cancelled', 'unavailable'],
  })
})

t.test('mesh-retry: connections of TCP destinations', async (test) => {
  const spec = '{to: [{targetRef: {kind: Mesh}, default: {tcp: {maxConnectAttempt: 4}}}]}'
  const { snapshot } = compiledOf(withPolicy('MeshRetry', spec, 'tcp'), 'web-1')
  const outbound = snapshot.listeners.find(({ direction }) => direction === 'outbound')
  test.match(outbound?.filterChains[0]?.filter, { kind: 'tcp', maxConnectAttempts: 4 })
})
