import type { Lab } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'
import { seededRandom } from '../../support/running-cluster.ts'

/** The status of one request, and whether the application saw it. */
async function one(lab: Lab): Promise<unknown> {
  const { status } = await lab.settled(lab.ask())
  return { status, reached: lab.services.app.arrivals.length }
}

/** How many of 400 requests had this status. Chance is the same every time. */
async function share(lab: Lab, wanted: number): Promise<number> {
  lab.clock.setRandom(Array.from({ length: 10_000 }, seededRandom()))
  let count = 0
  for (let i = 0; i < 400; i += 1) {
    if ((await lab.settled(lab.ask())).status === wanted) count += 1
  }
  return count
}

/** Ms until the application sees a request. */
async function delayMs(lab: Lab): Promise<unknown> {
  const { counters } = lab.sidecar.http('inbound:10.0.0.1:8080')
  const app = lab.sidecar.cluster('localhost:9080').counters
  const begun = (): boolean => app.upstream_rq_total + app.upstream_rq_pending_total > 0
  const answer = lab.ask()
  await lab.until(() => counters.fault_delays_injected > 0 || begun())
  let afterMs = 0
  while (!begun()) {
    lab.clock.tick(50)
    afterMs += 50
    // The request goes on a microtask after its delay.
    await new Promise(setImmediate)
  }
  await lab.settled(answer)
  return afterMs
}

/** Of 40 requests, so many were delayed. */
async function delayed(lab: Lab): Promise<number> {
  lab.clock.setRandom(Array.from({ length: 1_000 }, seededRandom()))
  for (let i = 0; i < 40; i += 1) {
    const answer = lab.ask()
    let over = false
    void answer.then(() => {
      over = true
    })
    while (!over) {
      await new Promise(setImmediate)
      lab.clock.tick(100)
    }
  }
  return lab.sidecar.http('inbound:10.0.0.1:8080').counters.fault_delays_injected
}

/** Ms until an answer of 3,000 bytes is through. */
async function slowness(lab: Lab): Promise<number> {
  const { app } = lab.services
  app.answer = (_arrival, response) => void response.end(Buffer.alloc(3_000, 'x'))
  const { counters } = lab.sidecar.http('inbound:10.0.0.1:8080')
  const slowed = counters.fault_response_rl_injected
  let over = false
  void lab.ask().then(() => {
    over = true
  })
  await lab.until(() => over || counters.fault_response_rl_injected > slowed)
  const start = lab.clock.now()
  while (!over) {
    await new Promise(setImmediate)
    if (!lab.idle()) lab.clock.tick(50)
  }
  return lab.clock.now() - start
}

export const meshFaultInjection: PolicyTable = {
  kind: 'MeshFaultInjection',
  section: 'rules',
  rows: [
    {
      field: 'http[].abort.httpStatus',
      shows: 'is answered in place of the application',
      set: '{http: [{abort: {httpStatus: 418, percentage: 100}}]}',
      unset: '{http: []}',
      drive: one,
      expect: { status: 418, reached: 0 },
      otherwise: { status: 200, reached: 1 },
    },
    {
      field: 'http[].abort.percentage',
      shows: 'of the requests are',
      set: '{http: [{abort: {httpStatus: 500, percentage: "12.5"}}]}',
      unset: '{http: [{abort: {httpStatus: 500, percentage: 0}}]}',
      drive: async (lab) => Math.abs((await share(lab, 500)) - 50) < 10,
      expect: true,
      otherwise: false,
    },
    {
      field: 'http[].delay.value',
      shows: 'passes before the application sees the request',
      set: '{http: [{delay: {value: 3s, percentage: 100}}]}',
      unset: '{http: []}',
      drive: delayMs,
      expect: 3_000,
      otherwise: 0,
    },
    {
      field: 'http[].delay.percentage',
      shows: 'of the requests wait',
      set: '{http: [{delay: {value: 1s, percentage: 50}}]}',
      unset: '{http: [{delay: {value: 1s, percentage: 0}}]}',
      drive: async (lab) => Math.abs((await delayed(lab)) - 20) < 8,
      expect: true,
      otherwise: false,
    },
    {
      field: 'http[].responseBandwidth.limit',
      shows: 'is how fast the answer comes',
      set: '{http: [{responseBandwidth: {limit: 8 kbps, percentage: 100}}]}',
      unset: '{http: []}',
      drive: async (lab) => Math.round((await slowness(lab)) / 1_000),
      expect: 3,
      otherwise: 0,
    },
    {
      field: 'http[].responseBandwidth.percentage',
      shows: 'of the answers are slowed',
      set: '{http: [{responseBandwidth: {limit: 8 kbps, percentage: 50}}]}',
      unset: '{http: [{responseBandwidth: {limit: 8 kbps, percentage: 0}}]}',
      drive: async (lab) => {
        lab.clock.random = seededRandom()
        let slow = 0
        for (let i = 0; i < 40; i += 1) if ((await slowness(lab)) > 1_000) slow += 1
        return Math.abs(slow - 20) < 10
      },
      expect: true,
      otherwise: false,
    },
  ],
}
