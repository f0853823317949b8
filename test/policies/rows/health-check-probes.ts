import type { Lab } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import type { Arrival } from '../../support/scripted-service.ts'
import { served, status } from './health-check-drives.ts'

/** The first probe, as the service saw it; null when there is none for an hour. */
async function firstSeen(lab: Lab): Promise<Arrival | null> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  if (lab.passed(() => counters.health_check_attempt === 1, 3_600_000) === null) return null
  await lab.until(() => backend.arrivals.length === 1)
  return backend.arrivals[0] ?? null
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

/** MeshHealthCheck `http`, `tcp` and `grpc`. */
export const probeRows: readonly PolicyRow[] = [
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
]

function firstProbeWithin(lab: Lab, ms: number): number | null {
  return lab.passed(() => lab.sidecar.cluster('backend').counters.health_check_attempt === 1, ms)
}
