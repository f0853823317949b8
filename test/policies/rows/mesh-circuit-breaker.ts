import type { Answer, Lab } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import type { ScriptedService } from '../../support/scripted-service.ts'

type Script = ScriptedService['answer']

/** Connections that three requests at once open, of a service that answers none of them. */
async function connections(lab: Lab): Promise<number> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  backend.answer = () => {}
  for (let i = 0; i < 3; i += 1) void lab.ask()
  const placed = (): number => backend.arrivals.length + counters.upstream_rq_pending_active
  await lab.until(() => placed() === 3 && counters.upstream_cx_active === backend.arrivals.length)
  return backend.arrivals.length
}

/** One request under way, then `more` at once: how many of those are refused, and with what. */
async function refused(lab: Lab, more: number): Promise<unknown> {
  const { backend, app } = lab.services
  for (const service of [backend, app]) service.answer = () => {}
  void lab.ask()
  await lab.until(() => backend.arrivals.length + app.arrivals.length === 1)
  const answers: Answer[] = []
  for (let i = 0; i < more; i += 1) void lab.ask().then((answer) => answers.push(answer))
  const clusters = ['backend', 'localhost:9080'].map((name) => lab.sidecar.cluster(name).counters)
  const under = (): number =>
    backend.arrivals.length +
    app.arrivals.length +
    clusters.reduce((sum, { upstream_rq_pending_active }) => sum + upstream_rq_pending_active, 0)
  await lab.until(() => under() + answers.length === more + 1)
  return answers.map(({ status, headers }) => [status, headers['x-envoy-overloaded'] ?? null])
}

/** Retries that five failing requests get at once; the pause before a retry never ends. */
async function retries(lab: Lab): Promise<number> {
  const { counters } = lab.sidecar.cluster('backend')
  lab.services.backend.answer = (_arrival, response) => void response.writeHead(503).end()
  let answered = 0
  for (let i = 0; i < 5; i += 1) void lab.ask().then(() => (answered += 1))
  await lab.until(() => counters.upstream_rq_retry + answered === 5)
  return counters.upstream_rq_retry
}

const slowRetries = `type: MeshRetry
name: slow
spec: {to: [{targetRef: {kind: Mesh}, default: {http: {backOff: {baseInterval: 1h}}}}]}`

const fail =
  (status: number): Script =>
  (_arrival, response) =>
    void response.writeHead(status).end()

const cut: Script = ({ request }) => request.socket.destroy()

/** Three of five fail. */
const often: Script = (_arrival, response, n) =>
  void response.writeHead(n % 5 < 3 ? 500 : 200).end()

const pool = ['pool1', 'pool2', 'pool3'] as const

/** How many of `count` requests each endpoint of `pool` got, with the bad ones answering so. */
async function spread(
  lab: Lab,
  count: number,
  bad: Partial<Record<(typeof pool)[number], Script>> = {},
): Promise<readonly number[]> {
  for (const [place, script] of Object.entries(bad)) {
    lab.services[place as (typeof pool)[number]].answer = script
  }
  const before = pool.map((place) => lab.services[place].arrivals.length)
  for (let i = 0; i < count; i += 1) await lab.settled(lab.ask())
  return pool.map((place, index) => lab.services[place].arrivals.length - (before[index] ?? 0))
}

/** Requests that a bad endpoint got, of 60 for three. */
const taken = async (lab: Lab, script: Script): Promise<number> =>
  (await spread(lab, 60, { pool1: script }))[0] ?? 0

/** The same after the endpoints have been judged. */
async function takenLater(lab: Lab, script: Script): Promise<number> {
  await taken(lab, script)
  lab.clock.tick(10_000)
  return taken(lab, script)
}

/** Ms until an endpoint that was ejected and is well again gets requests again. */
async function awayMs(lab: Lab): Promise<unknown> {
  await taken(lab, fail(500))
  const { counters } = lab.sidecar.cluster('pool')
  const ms = lab.passed(() => counters.outlier_detection_ejections_active === 0)
  const [again = 0] = await spread(lab, 6, { pool1: fail(200) })
  return { ms, again: again > 0 }
}

/** Which endpoints still get requests when two of three were bad. */
async function stillServing(lab: Lab): Promise<unknown> {
  const bad = { pool1: fail(500), pool2: fail(500) }
  await spread(lab, 60, bad)
  const later = await spread(lab, 30, bad)
  return pool.filter((_place, index) => (later[index] ?? 0) > 0)
}

/** A row about outlier detection: of `pool`. */
const outlier = (
  row: Omit<PolicyRow, 'listener' | 'field' | 'set' | 'unset'> & {
    readonly field: string
    readonly set: string
    readonly unset: string
  },
): PolicyRow => ({
  ...row,
  field: `outlierDetection.${row.field}`,
  listener: 'pool',
  set: `{outlierDetection: ${row.set}}`,
  unset: `{outlierDetection: ${row.unset}}`,
})

export const meshCircuitBreaker: PolicyTable = {
  kind: 'MeshCircuitBreaker',
  section: 'to',
  rows: [
    {
      field: 'connectionLimits.maxConnections',
      shows: 'no more connections are open at once, requests wait',
      set: '{connectionLimits: {maxConnections: 1}}',
      unset: '{}',
      drive: connections,
      expect: 1,
      otherwise: 3,
    },
    {
      field: 'connectionLimits.maxPendingRequests',
      shows: 'no more requests wait, others are answered 503',
      set: '{connectionLimits: {maxConnections: 1, maxPendingRequests: 1}}',
      unset: '{connectionLimits: {maxConnections: 1}}',
      drive: (lab) => refused(lab, 3),
      expect: [
        [503, 'true'],
        [503, 'true'],
      ],
      otherwise: [],
    },
    {
      field: 'connectionLimits.maxRequests',
      shows: 'no more requests are under way, others are answered 503',
      set: '{connectionLimits: {maxRequests: 3}}',
      unset: '{}',
      drive: (lab) => refused(lab, 3),
      expect: [[503, 'true']],
      otherwise: [],
    },
    {
      field: 'connectionLimits.maxRequests',
      shows: 'holds for what the proxy receives',
      in: 'rules',
      set: '{connectionLimits: {maxRequests: 3}}',
      unset: '{}',
      drive: (lab) => refused(lab, 3),
      expect: [[503, 'true']],
      otherwise: [],
    },
    {
      field: 'connectionLimits.maxRetries',
      shows: 'no more retries are under way',
      beside: slowRetries,
      set: '{connectionLimits: {maxRetries: 1}}',
      unset: '{}',
      drive: retries,
      expect: 1,
      otherwise: 3,
    },
    outlier({
      field: 'disabled',
      shows: 'nobody is ejected',
      set: '{disabled: true, detectors: {totalFailures: {}}}',
      unset: '{detectors: {totalFailures: {}}}',
      drive: (lab) => taken(lab, fail(500)),
      expect: 20,
      otherwise: 5,
    }),
    outlier({
      field: 'detectors.totalFailures.consecutive',
      shows: 'so many answers from 500 in a row eject an endpoint',
      set: '{detectors: {totalFailures: {consecutive: 3}}}',
      unset: '{detectors: {totalFailures: {}}}',
      drive: (lab) => taken(lab, fail(500)),
      expect: 3,
      otherwise: 5,
    }),
    outlier({
      field: 'detectors.gatewayFailures.consecutive',
      shows: 'so many 502, 503 and 504 in a row eject an endpoint',
      set: '{detectors: {gatewayFailures: {consecutive: 3}}}',
      unset: '{detectors: {gatewayFailures: {}}}',
      drive: (lab) => taken(lab, fail(503)),
      expect: 3,
      otherwise: 5,
    }),
    outlier({
      field: 'detectors.localOriginFailures.consecutive',
      shows: 'so many connections cut in a row eject an endpoint',
      set: '{splitExternalAndLocalErrors: true, detectors: {localOriginFailures: {consecutive: 3}}}',
      unset: '{splitExternalAndLocalErrors: true, detectors: {localOriginFailures: {}}}',
      drive: (lab) => taken(lab, cut),
      expect: 3,
      otherwise: 5,
    }),
    outlier({
      field: 'splitExternalAndLocalErrors',
      shows: 'a connection cut is no answer from 500 any more',
      set: '{splitExternalAndLocalErrors: true, detectors: {totalFailures: {}, localOriginFailures: {consecutive: 9}}}',
      unset: '{detectors: {totalFailures: {}, localOriginFailures: {consecutive: 9}}}',
      drive: (lab) => taken(lab, cut),
      expect: 9,
      otherwise: 5,
    }),
    outlier({
      field: 'baseEjectionTime',
      shows: 'so long an endpoint is away the first time',
      set: '{baseEjectionTime: 40s, detectors: {totalFailures: {}}}',
      unset: '{detectors: {totalFailures: {}}}',
      drive: awayMs,
      expect: { ms: 40_000, again: true },
      otherwise: { ms: 30_000, again: true },
    }),
    outlier({
      field: 'interval',
      shows: 'so often it is looked who may come back',
      set: '{interval: 7s, baseEjectionTime: 5s, detectors: {totalFailures: {}}}',
      unset: '{baseEjectionTime: 5s, detectors: {totalFailures: {}}}',
      drive: awayMs,
      expect: { ms: 7_000, again: true },
      otherwise: { ms: 10_000, again: true },
    }),
    outlier({
      field: 'maxEjectionPercent',
      shows: 'no larger share is ejected, but always one',
      set: '{maxEjectionPercent: 70, healthyPanicThreshold: 0, detectors: {totalFailures: {}}}',
      unset: '{healthyPanicThreshold: 0, detectors: {totalFailures: {}}}',
      drive: async (lab) => ((await stillServing(lab)) as string[]).length,
      expect: 1,
      otherwise: 2,
    }),
    outlier({
      field: 'healthyPanicThreshold',
      shows: 'with a smaller share left, all get requests again',
      set: '{healthyPanicThreshold: 30, maxEjectionPercent: 100, detectors: {totalFailures: {}}}',
      unset: '{maxEjectionPercent: 100, detectors: {totalFailures: {}}}',
      drive: stillServing,
      expect: ['pool3'],
      otherwise: ['pool1', 'pool2', 'pool3'],
    }),
    outlier({
      field: 'detectors.successRate.standardDeviationFactor',
      shows: 'who lies so many deviations below the mean is ejected',
      set: '{detectors: {successRate: {minimumHosts: 3, requestVolume: 10, standardDeviationFactor: "1.2"}}}',
      unset: '{detectors: {successRate: {minimumHosts: 3, requestVolume: 10}}}',
      drive: (lab) => takenLater(lab, fail(500)),
      expect: 0,
      otherwise: 20,
    }),
    outlier({
      field: 'detectors.successRate.minimumHosts',
      shows: 'with fewer endpoints nobody is judged',
      set: '{detectors: {successRate: {minimumHosts: 3, requestVolume: 10, standardDeviationFactor: 1}}}',
      unset: '{detectors: {successRate: {requestVolume: 10, standardDeviationFactor: 1}}}',
      drive: (lab) => takenLater(lab, fail(500)),
      expect: 0,
      otherwise: 20,
    }),
    outlier({
      field: 'detectors.successRate.requestVolume',
      shows: 'an endpoint with fewer requests is not judged',
      set: '{detectors: {successRate: {minimumHosts: 3, requestVolume: 10, standardDeviationFactor: 1}}}',
      unset: '{detectors: {successRate: {minimumHosts: 3, standardDeviationFactor: 1}}}',
      drive: (lab) => takenLater(lab, fail(500)),
      expect: 0,
      otherwise: 20,
    }),
    outlier({
      field: 'detectors.failurePercentage.threshold',
      shows: 'who fails so often is ejected',
      set: '{detectors: {failurePercentage: {minimumHosts: 3, requestVolume: 10, threshold: 50}}}',
      unset: '{detectors: {failurePercentage: {minimumHosts: 3, requestVolume: 10}}}',
      drive: (lab) => takenLater(lab, often),
      expect: 0,
      otherwise: 20,
    }),
    outlier({
      field: 'detectors.failurePercentage.minimumHosts',
      shows: 'with fewer endpoints nobody is judged',
      set: '{detectors: {failurePercentage: {minimumHosts: 3, requestVolume: 10}}}',
      unset: '{detectors: {failurePercentage: {requestVolume: 10}}}',
      drive: (lab) => takenLater(lab, fail(500)),
      expect: 0,
      otherwise: 20,
    }),
    outlier({
      field: 'detectors.failurePercentage.requestVolume',
      shows: 'an endpoint with fewer requests is not judged',
      set: '{detectors: {failurePercentage: {minimumHosts: 3, requestVolume: 10}}}',
      unset: '{detectors: {failurePercentage: {minimumHosts: 3}}}',
      drive: (lab) => takenLater(lab, fail(500)),
      expect: 0,
      otherwise: 20,
    }),
  ],
}
