import t from 'tap'
import { type Answer, type Lab, type LabOptions, startLab } from '../support/lab.ts'
import type { ScriptedService } from '../support/scripted-service.ts'

type Script = ScriptedService['answer']
type Test = Parameters<typeof startLab>[0]

const pool = ['pool1', 'pool2', 'pool3'] as const
const call = '/call'

const policy = (kind: string, conf: string): string =>
  `type: ${kind}\nname: p\nspec: {to: [{targetRef: {kind: Mesh}, default: ${conf}}]}`

const labOf = (t: Test, resources: string, more: Partial<LabOptions> = {}): Promise<Lab> =>
  startLab(t, { protocol: 'http', mtls: false, listener: 'pool', resources, ...more })

/** Sends requests one by one; how many each endpoint of `pool` got, and the statuses. */
async function send(lab: Lab, count: number) {
  const before = pool.map((place) => calls(lab, place))
  const statuses = new Set<number>()
  for (let i = 0; i < count; i += 1) statuses.add((await lab.settled(lab.ask(call))).status)
  const got = pool.map((place, index) => calls(lab, place) - (before[index] ?? 0))
  return { got, statuses: [...statuses].sort() }
}

const calls = (lab: Lab, place: (typeof pool)[number]): number =>
  lab.services[place].arrivals.filter(({ path }) => path === call).length

const status =
  (code: number): Script =>
  (_arrival, response) =>
    void response.writeHead(code).end()
const good = status(200)
const cut: Script = ({ request }) => request.socket.destroy()

const detectors: readonly {
  readonly name: string
  readonly conf: string
  readonly bad: Script
  /** Requests until it is seen, all endpoints together; and whether that needs the end of an interval. */
  readonly requests: number
  readonly judged: boolean
}[] = [
  {
    name: 'totalFailures',
    conf: '{totalFailures: {consecutive: 3}}',
    bad: status(500),
    requests: 9,
    judged: false,
  },
  {
    name: 'gatewayFailures',
    conf: '{gatewayFailures: {consecutive: 3}}',
    bad: status(502),
    requests: 9,
    judged: false,
  },
  {
    name: 'localOriginFailures',
    conf: '{localOriginFailures: {consecutive: 3}}',
    bad: cut,
    requests: 9,
    judged: false,
  },
  {
    name: 'successRate',
    conf: '{successRate: {minimumHosts: 3, requestVolume: 10, standardDeviationFactor: 1}}',
    bad: status(500),
    requests: 60,
    judged: true,
  },
  {
    name: 'failurePercentage',
    conf: '{failurePercentage: {minimumHosts: 3, requestVolume: 10, threshold: 80}}',
    bad: status(500),
    requests: 60,
    judged: true,
  },
]

for (const { name, conf, bad, requests, judged } of detectors) {
  t.test(
    `recovery: ${name} ejects an endpoint that turns bad and takes it back, twice`,
    async (t) => {
      const lab = await labOf(
        t,
        policy(
          'MeshCircuitBreaker',
          `{outlierDetection: {interval: 1s, baseEjectionTime: 10s, splitExternalAndLocalErrors: ${name === 'localOriginFailures'}, detectors: ${conf}}}`,
        ),
      )
      const { pool1 } = lab.services
      const { counters } = lab.sidecar.cluster('pool')
      const ejected = (): boolean => counters.outlier_detection_ejections_active === 1
      t.same((await send(lab, 30)).got, [10, 10, 10], 'all is well')
      lab.clock.tick(1_000)
      // Each sweep that finds an endpoint in forgives one ejection; judging takes one.
      for (const [round, awayMs] of [10_000, judged ? 10_000 : 20_000].entries()) {
        pool1.answer = bad
        await send(lab, requests)
        if (judged) lab.clock.tick(1_000)
        t.ok(ejected(), `round ${round}: seen`)
        pool1.answer = good
        const without = await send(lab, 30)
        t.same(without.got[0], 0, 'gets no requests')
        t.same(without.statuses, [200], 'and nobody notices')
        const ms = lab.passed(() => !ejected()) ?? 0
        t.ok(Math.abs(ms - awayMs) <= 1_000, `away for ${ms} ms`)
        t.same((await send(lab, 30)).got, [10, 10, 10], 'and back')
        if (judged) lab.clock.tick(1_000)
      }
    },
  )
}

t.test(
  'recovery: in panic all endpoints are asked, and none of the bad ones when there is no more',
  async (t) => {
    const lab = await labOf(
      t,
      policy(
        'MeshCircuitBreaker',
        '{outlierDetection: {interval: 1s, baseEjectionTime: 10s, maxEjectionPercent: 100, healthyPanicThreshold: 50, detectors: {totalFailures: {consecutive: 3}}}}',
      ),
    )
    const { pool1, pool2 } = lab.services
    const { counters } = lab.sidecar.cluster('pool')
    pool1.answer = status(500)
    await send(lab, 30)
    t.same((await send(lab, 30)).got, [0, 15, 15], 'two of three are enough')
    pool2.answer = status(500)
    await send(lab, 30)
    const panic = await send(lab, 30)
    t.same(
      [panic.got, panic.statuses],
      [
        [10, 10, 10],
        [200, 500],
      ],
      'one of three is not',
    )
    t.ok(counters.lb_healthy_panic > 0)
    for (const service of [pool1, pool2]) service.answer = good
    lab.clock.tick(11_000)
    const after = await send(lab, 30)
    t.same([after.got, after.statuses], [[10, 10, 10], [200]])
  },
)

/** How many of five requests are refused while none is answered, and how many connections there are. */
const limits = [
  { name: 'maxRequests', conf: '{maxRequests: 2}', refused: 3, connections: 2 },
  {
    name: 'maxPendingRequests',
    conf: '{maxConnections: 1, maxPendingRequests: 2}',
    refused: 2,
    connections: 1,
  },
  { name: 'maxConnections', conf: '{maxConnections: 2}', refused: 0, connections: 2 },
]

for (const { name, conf, refused, connections } of limits) {
  t.test(
    `recovery: ${name} sheds load while an endpoint hangs, and no more when it answers`,
    async (t) => {
      const lab = await labOf(t, policy('MeshCircuitBreaker', `{connectionLimits: ${conf}}`), {
        listener: 'backend',
      })
      const { backend } = lab.services
      const held: (() => void)[] = []
      backend.answer = (_arrival, response) => void held.push(() => response.end('ok'))
      const answers: Answer[] = []
      const ask = (): void => void lab.ask(call).then((answer) => answers.push(answer))
      ask()
      await lab.until(() => held.length === 1)
      for (let i = 0; i < 4; i += 1) ask()
      await lab.until(() => answers.length === refused && held.length === connections)
      t.ok(answers.every(({ status }) => status === 503))
      backend.answer = (_arrival, response) => void response.end('ok')
      for (const release of held.splice(0)) release()
      await lab.until(() => {
        for (const release of held.splice(0)) release()
        return answers.length === 5
      })
      t.same(
        answers.slice(refused).map(({ status }) => status),
        new Array(5 - refused).fill(200),
      )
      t.equal((await lab.settled(lab.ask(call))).status, 200)
      t.equal(backend.accepted.length, connections)
    },
  )
}

/** Health of an endpoint, as a probe of each kind sees it. */
const kinds = ['http', 'tcp', 'grpc'] as const

for (const kind of kinds) {
  t.test(
    `recovery: an endpoint that fails its ${kind} probes gets no requests until it passes them`,
    async (t) => {
      const probe = kind === 'tcp' ? '{send: cGluZw==, receive: [cG9uZw==]}' : '{}'
      const lab = await labOf(
        t,
        policy(
          'MeshHealthCheck',
          `{interval: 5s, noTrafficInterval: 5s, timeout: 1s, unhealthyThreshold: 2, healthyThreshold: 2, ${kind}: ${probe}}`,
        ),
        { protocol: kind },
      )
      const { counters } = lab.sidecar.cluster('pool')
      let sick = false
      /** Of the endpoint that is sick or was. */
      let probes = 0
      for (const place of pool) {
        answerProbes(lab, place, kind, () => {
          if (place !== 'pool2') return true
          probes += 1
          return !sick
        })
      }
      /** Probes of that endpoint until so many are healthy. */
      const until = async (healthy: number): Promise<number> => {
        probes = 0
        while (counters.health_check_healthy !== healthy) {
          lab.clock.tick(50)
          for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
        }
        return probes
      }
      lab.clock.tick(50)
      await lab.until(() => counters.health_check_success === 3)
      t.same(await placesServing(lab, kind), [...pool])
      sick = true
      t.equal(
        await until(2),
        kind === 'tcp' ? 2 : 1,
        'a wrong answer counts at once, silence twice',
      )
      t.same(await placesServing(lab, kind), ['pool1', 'pool3'])
      sick = false
      t.equal(await until(3), 2, 'is believed the second time')
      t.same(await placesServing(lab, kind), [...pool])
    },
  )
}

/** Answers probes as the endpoint's health is, and everything else with the name of the place. */
function answerProbes(
  lab: Lab,
  place: (typeof pool)[number],
  kind: (typeof kinds)[number],
  isWell: () => boolean,
): void {
  const service = lab.services[place]
  if (kind === 'tcp') {
    service.serve = (socket) =>
      socket.on('data', (chunk) => {
        if (chunk.toString() !== 'ping') socket.write(place)
        else if (isWell()) socket.write('pong')
      })
    return
  }
  service.answer = ({ path }, response) => {
    const grpc = kind === 'grpc' ? { 'content-type': 'application/grpc' } : {}
    if (path === call) response.writeHead(200, { ...grpc, 'x-place': place }).end()
    else if (kind === 'http') response.writeHead(isWell() ? 200 : 503).end()
    else {
      response.writeHead(200, grpc)
      response.addTrailers({ 'grpc-status': '0' })
      response.end(Buffer.from([0, 0, 0, 0, 2, 8, isWell() ? 1 : 2]))
    }
  }
}

/** The places that serve 12 requests, or connections. */
async function placesServing(lab: Lab, kind: (typeof kinds)[number]): Promise<readonly string[]> {
  const found = new Set<string>()
  for (let i = 0; i < 12; i += 1) {
    if (kind === 'tcp') {
      const socket = await lab.dial()
      const place = new Promise<string>((resolve) =>
        socket.once('data', (chunk) => resolve(chunk.toString())),
      )
      socket.write('hello')
      found.add(await lab.settled(place))
      socket.destroy()
    } else {
      const headers = { 'content-type': 'application/grpc' }
      const ask = kind === 'grpc' ? { method: 'POST', headers } : {}
      const answer = await lab.settled(lab.ask(call, ask))
      found.add(String(answer.headers['x-place'] ?? answer.status))
    }
  }
  return [...found].sort()
}
