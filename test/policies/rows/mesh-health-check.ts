import { readdirSync } from 'node:fs'
import type { Lab } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'
import type { Arrival, ScriptedService } from '../../support/scripted-service.ts'

type Script = ScriptedService['answer']

/** Traffic of ours, which the services tell from probes by its path. */
const call = '/call'
const isProbe = ({ path }: Arrival): boolean => path !== call

/** Probes are answered so, traffic with 200. */
const probed =
  (script: Script): Script =>
  (arrival, response, n) => {
    if (isProbe(arrival)) script(arrival, response, n)
    else response.end('ok')
  }

const well = probed((_arrival, response) => void response.end('ok'))
const cut = probed(({ request }) => void request.socket.destroy())
const status = (code: number): Script =>
  probed((_arrival, response) => void response.writeHead(code).end())

/** Waits for the n-th probe of a cluster and for what comes of it; the ms until it began. */
async function probe(lab: Lab, n: number, cluster = 'backend'): Promise<number | null> {
  const { counters } = lab.sidecar.cluster(cluster)
  const ms = lab.passed(() => counters.health_check_attempt >= n)
  await lab.until(() => counters.health_check_success + counters.health_check_failure >= n)
  // What has changed is looked at a moment later.
  lab.clock.tick(50)
  return ms
}

/** Ms between the first probe and the second, with traffic before it or not. */
async function pause(lab: Lab, traffic: boolean): Promise<number | null> {
  if (traffic) await lab.settled(lab.ask(call))
  await probe(lab, 1)
  const { counters } = lab.sidecar.cluster('backend')
  const ms = lab.passed(() => counters.health_check_attempt === 2)
  return ms === null ? null : ms + 50
}

/** Ms until the first probe. */
const firstProbe = (lab: Lab): number | null =>
  lab.passed(() => lab.sidecar.cluster('backend').counters.health_check_attempt === 1)

/** What a request is answered after each of these probes. */
async function served(lab: Lab, ...scripts: readonly Script[]): Promise<readonly number[]> {
  const seen: number[] = []
  for (const [index, script] of scripts.entries()) {
    lab.services.backend.answer = script
    await probe(lab, index + 1)
    seen.push((await lab.settled(lab.ask(call))).status)
  }
  return seen
}

/** Ms until a probe that is not answered has failed. */
async function patience(lab: Lab): Promise<number | null> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  backend.answer = () => {}
  lab.clock.tick(50)
  await lab.until(() => backend.arrivals.length === 1)
  const ms = lab.passed(() => counters.health_check_failure === 1)
  // The step after which the request arrived counts.
  return ms === null ? null : ms + 50
}

/** The first probe, as the service saw it; null when there is none for an hour. */
async function firstSeen(lab: Lab): Promise<Arrival | null> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  if (lab.passed(() => counters.health_check_attempt === 1, 3_600_000) === null) return null
  await lab.until(() => backend.arrivals.length === 1)
  return backend.arrivals[0] ?? null
}

/** Which endpoints of `pool` get requests when two of them have failed their probe; 503 if none does. */
async function reached(lab: Lab): Promise<unknown> {
  const { pool1, pool2, pool3 } = lab.services
  const pool = { pool1, pool2, pool3 }
  pool1.answer = status(500)
  pool2.answer = status(500)
  await probe(lab, 3, 'pool')
  const statuses = new Set<number>()
  for (let i = 0; i < 30; i += 1) statuses.add((await lab.settled(lab.ask(call))).status)
  const places = Object.entries(pool).flatMap(([place, { arrivals }]) =>
    arrivals.some((arrival) => !isProbe(arrival)) ? [place] : [],
  )
  return { statuses: [...statuses], places }
}

/** Whether a byte comes back over TCP after the first probe, and what the probe said. */
async function tcpServed(lab: Lab): Promise<unknown> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  let heard = ''
  backend.serve = (socket) =>
    socket.on('data', (chunk) => {
      const text = chunk.toString()
      if (text !== 'x') heard += text
      socket.write(text === 'ping' ? 'pong' : text)
    })
  lab.passed(() => counters.health_check_attempt === 1)
  await lab.until(() => backend.accepted.length === 1)
  // What has not come by then does not come.
  const over = (): boolean => counters.health_check_success + counters.health_check_failure === 1
  for (let turn = 0; turn < 20 && !over(); turn += 1) await new Promise(setImmediate)
  lab.clock.tick(20_000)
  const socket = await lab.dial()
  let served: boolean | null = null
  socket.on('data', () => {
    served = true
  })
  for (const end of ['end', 'close']) socket.on(end, () => (served ??= false))
  socket.write('x')
  await lab.until(() => served !== null)
  return { heard, served }
}

const healthPath = '/grpc.health.v1.Health/Check'

/** A gRPC service whose health is so (1: serving, 2: not); what the first probe asked, and the status of a call after it. */
async function grpcServed(lab: Lab, health: number): Promise<unknown> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  const asked: Record<string, unknown> = {}
  backend.answer = ({ path, headers, request }, response) => {
    if (path !== healthPath) {
      response.writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': '0' }).end()
      return
    }
    asked.authority = headers[':authority']
    request.on('data', (chunk: Buffer) => {
      asked.service = chunk.subarray(7).toString()
    })
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/grpc' })
      response.addTrailers({ 'grpc-status': '0' })
      response.end(Buffer.from([0, 0, 0, 0, 2, 8, health]))
    })
  }
  if (lab.passed(() => counters.health_check_attempt === 1, 3_600_000) === null) return 'no probe'
  await lab.until(() => counters.health_check_success + counters.health_check_failure === 1)
  lab.clock.tick(50)
  const headers = { 'content-type': 'application/grpc' }
  const answer = await lab.settled(lab.ask('/lab.Echo/Unary', { method: 'POST', headers }))
  return {
    service: asked.service ?? '',
    authority: asked.authority,
    status: answer.headers['grpc-status'],
  }
}

/** Events after four probes that failed, by kind. */
async function failuresLogged(lab: Lab): Promise<number> {
  lab.services.backend.answer = cut
  for (let n = 1; n <= 4; n += 1) await probe(lab, n)
  lab.services.backend.answer = well
  await probe(lab, 5)
  const lines = await lab.lines('health.log', (all) =>
    all.some((line) => line.includes('"cluster_name":"backend","add_healthy_event"')),
  )
  return lines.filter((line) => line.includes('"backend","health_check_failure_event"')).length
}

export const meshHealthCheck: PolicyTable = {
  kind: 'MeshHealthCheck',
  section: 'to',
  rows: [
    {
      field: 'interval',
      shows: 'passes between two probes',
      set: '{interval: 5s, http: {}}',
      unset: '{http: {}}',
      drive: (lab) => pause(lab, true),
      expect: 5_000,
      otherwise: 60_000,
    },
    {
      field: 'noTrafficInterval',
      shows: 'passes between two probes of a cluster that nobody calls',
      set: '{interval: 5s, noTrafficInterval: 20s, http: {}}',
      unset: '{interval: 5s, http: {}}',
      drive: (lab) => pause(lab, false),
      expect: 20_000,
      otherwise: 60_000,
    },
    {
      field: 'initialJitter',
      shows: 'up to so long the first probe waits',
      set: '{initialJitter: 10s, http: {}}',
      unset: '{http: {}}',
      drive: async (lab) => firstProbe(lab),
      expect: 5_000,
      otherwise: 50,
    },
    {
      field: 'intervalJitter',
      shows: 'up to so long a probe comes later',
      set: '{intervalJitter: 10s, http: {}}',
      unset: '{http: {}}',
      drive: (lab) => pause(lab, true),
      expect: 65_000,
      otherwise: 60_000,
    },
    {
      field: 'intervalJitterPercent',
      shows: 'up to such a share of the interval a probe comes later',
      set: '{intervalJitterPercent: 50, http: {}}',
      unset: '{http: {}}',
      drive: (lab) => pause(lab, true),
      expect: 75_000,
      otherwise: 60_000,
    },
    {
      field: 'timeout',
      shows: 'a probe not answered by then has failed',
      set: '{timeout: 2s, http: {}}',
      unset: '{http: {}}',
      drive: patience,
      expect: 2_000,
      otherwise: 15_000,
    },
    {
      field: 'unhealthyThreshold',
      shows: 'after so many failures an endpoint gets no more requests',
      set: '{unhealthyThreshold: 2, failTrafficOnPanic: true, http: {}}',
      unset: '{failTrafficOnPanic: true, http: {}}',
      drive: (lab) => served(lab, well, cut, cut, cut, cut, cut),
      expect: [200, 200, 503, 503, 503, 503],
      otherwise: [200, 200, 200, 200, 200, 503],
    },
    {
      field: 'healthyThreshold',
      shows: 'after so many successes it gets requests again',
      set: '{healthyThreshold: 3, failTrafficOnPanic: true, http: {}}',
      unset: '{failTrafficOnPanic: true, http: {}}',
      drive: (lab) => served(lab, cut, well, well, well),
      expect: [503, 503, 503, 200],
      otherwise: [503, 200, 200, 200],
    },
    {
      field: 'healthyPanicThreshold',
      shows: 'with a smaller share of healthy endpoints all get requests',
      listener: 'pool',
      set: '{healthyPanicThreshold: 20, http: {}}',
      unset: '{http: {}}',
      drive: reached,
      expect: { statuses: [200], places: ['pool3'] },
      otherwise: { statuses: [200], places: ['pool1', 'pool2', 'pool3'] },
    },
    {
      field: 'failTrafficOnPanic',
      shows: 'then requests are answered 503 instead',
      listener: 'pool',
      set: '{failTrafficOnPanic: true, http: {}}',
      unset: '{http: {}}',
      drive: reached,
      expect: { statuses: [503], places: [] },
      otherwise: { statuses: [200], places: ['pool1', 'pool2', 'pool3'] },
    },
    {
      field: 'eventLogPath',
      shows: 'is the file of changes of health, in JSON',
      set: "{eventLogPath: '{{dir}}/health.log', http: {}}",
      unset: "{eventLogPath: '{{dir}}/other.log', http: {}}",
      drive: async (lab) => {
        lab.services.backend.answer = status(500)
        await probe(lab, 1)
        // Logs are written in batches.
        lab.clock.tick(1_000)
        await lab.until(() => readdirSync(lab.directory).length > 0)
        const [name = ''] = readdirSync(lab.directory)
        const [line = ''] = await lab.lines(name, (lines) => lines.length > 0)
        return { name, event: Object.keys(JSON.parse(line)).at(-2) }
      },
      expect: { name: 'health.log', event: 'eject_unhealthy_event' },
      otherwise: { name: 'other.log', event: 'eject_unhealthy_event' },
    },
    {
      field: 'alwaysLogHealthCheckFailures',
      shows: 'every failure is an event, not the first alone',
      set: "{alwaysLogHealthCheckFailures: true, eventLogPath: '{{dir}}/health.log', http: {}}",
      unset: "{eventLogPath: '{{dir}}/health.log', http: {}}",
      drive: failuresLogged,
      expect: 4,
      otherwise: 1,
    },
    {
      field: 'reuseConnection',
      shows: 'false: each probe has a connection of its own',
      set: '{reuseConnection: false, http: {}}',
      unset: '{http: {}}',
      drive: async (lab) => {
        for (let n = 1; n <= 3; n += 1) await probe(lab, n)
        return lab.services.backend.accepted.length
      },
      expect: 3,
      otherwise: 1,
    },
    {
      field: 'http.path',
      shows: 'is what is asked for',
      set: '{http: {path: /health?deep}}',
      unset: '{http: {}}',
      drive: async (lab) => (await firstSeen(lab))?.path,
      expect: '/health?deep',
      otherwise: '/',
    },
    {
      field: 'http.requestHeadersToAdd.set[].name',
      also: ['http.requestHeadersToAdd.set[].value'],
      shows: 'is a header of the probe',
      set: '{http: {requestHeadersToAdd: {set: [{name: X-Probe, value: "1"}]}}}',
      unset: '{http: {}}',
      drive: async (lab) => (await firstSeen(lab))?.headers['x-probe'] ?? null,
      expect: '1',
      otherwise: null,
    },
    {
      field: 'http.requestHeadersToAdd.add[].name',
      also: ['http.requestHeadersToAdd.add[].value'],
      shows: 'is a header of the probe, beside one that is there',
      set: '{http: {requestHeadersToAdd: {set: [{name: X-Probe, value: "1"}], add: [{name: X-Probe, value: "2"}]}}}',
      unset: '{http: {requestHeadersToAdd: {set: [{name: X-Probe, value: "1"}]}}}',
      drive: async (lab) => (await firstSeen(lab))?.headers['x-probe'] ?? null,
      expect: '1, 2',
      otherwise: '1',
    },
    {
      field: 'http.expectedStatuses',
      shows: 'are the answers of a healthy endpoint',
      set: '{failTrafficOnPanic: true, http: {expectedStatuses: [204, 404]}}',
      unset: '{failTrafficOnPanic: true, http: {}}',
      drive: (lab) => served(lab, status(404)),
      expect: [200],
      otherwise: [503],
    },
    {
      field: 'http.disabled',
      shows: 'there is no probe',
      set: '{http: {disabled: true}}',
      unset: '{http: {}}',
      drive: async (lab) => (await firstSeen(lab))?.path ?? null,
      expect: null,
      otherwise: '/',
    },
    {
      field: 'tcp.send',
      shows: 'are the bytes of the probe, in base64',
      protocol: 'tcp',
      set: '{failTrafficOnPanic: true, tcp: {send: cGluZw==, receive: [cG9uZw==]}}',
      unset: '{failTrafficOnPanic: true, tcp: {receive: [cG9uZw==]}}',
      drive: tcpServed,
      expect: { heard: 'ping', served: true },
      otherwise: { heard: '', served: false },
    },
    {
      field: 'tcp.receive',
      shows: 'is what a healthy endpoint answers, in base64; without it a connection is enough',
      protocol: 'tcp',
      set: '{failTrafficOnPanic: true, tcp: {send: cGluZw==, receive: [bmV2ZXI=]}}',
      unset: '{failTrafficOnPanic: true, tcp: {}}',
      drive: tcpServed,
      expect: { heard: 'ping', served: false },
      otherwise: { heard: '', served: true },
    },
    {
      field: 'tcp.disabled',
      shows: 'there is no probe',
      protocol: 'tcp',
      set: '{tcp: {disabled: true}}',
      unset: '{tcp: {}}',
      drive: async (lab) => firstProbeWithin(lab, 60_000),
      expect: null,
      otherwise: 50,
    },
    {
      field: 'grpc.serviceName',
      shows: 'is the service asked for',
      protocol: 'grpc',
      set: '{failTrafficOnPanic: true, grpc: {serviceName: lab.Echo}}',
      unset: '{failTrafficOnPanic: true, grpc: {}}',
      drive: (lab) => grpcServed(lab, 1),
      expect: { service: 'lab.Echo', authority: 'backend', status: '0' },
      otherwise: { service: '', authority: 'backend', status: '0' },
    },
    {
      field: 'grpc.authority',
      shows: 'is the host asked for; a service that is not serving gets no calls',
      protocol: 'grpc',
      set: '{failTrafficOnPanic: true, grpc: {authority: health.lab}}',
      unset: '{failTrafficOnPanic: true, grpc: {}}',
      drive: (lab) => grpcServed(lab, 2),
      expect: { service: '', authority: 'health.lab', status: '14' },
      otherwise: { service: '', authority: 'backend', status: '14' },
    },
    {
      field: 'grpc.disabled',
      shows: 'there is no probe',
      protocol: 'grpc',
      set: '{failTrafficOnPanic: true, grpc: {disabled: true}}',
      unset: '{failTrafficOnPanic: true, grpc: {}}',
      drive: (lab) => grpcServed(lab, 1),
      expect: 'no probe',
      otherwise: { service: '', authority: 'backend', status: '0' },
    },
  ],
}

function firstProbeWithin(lab: Lab, ms: number): number | null {
  return lab.passed(() => lab.sidecar.cluster('backend').counters.health_check_attempt === 1, ms)
}
