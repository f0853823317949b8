import { once } from 'node:events'
import { type Lab, labListeners } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'

/** The answer to a request that the service never answers, and the ms until it was given. */
async function unanswered(lab: Lab, place: 'backend' | 'app', as?: string): Promise<unknown> {
  const service = lab.services[place]
  service.answer = () => {}
  const before = service.arrivals.length
  const answer = lab.ask('/', as === undefined ? {} : { as })
  await lab.until(() => service.arrivals.length > before)
  const afterMs = lab.passed(lab.idle, 20_000)
  if (afterMs === null) return 'still waiting after 20 s'
  return { status: (await answer).status, afterMs }
}

/** The answer to a request for a service that accepts connections and then says nothing. */
async function unconnected(lab: Lab): Promise<unknown> {
  const { backend } = lab.services
  backend.serve = () => {}
  const answer = lab.ask()
  await lab.until(() => backend.accepted.length === 1)
  const afterMs = lab.passed(lab.idle)
  return { status: (await lab.settled(answer)).status, afterMs }
}

/** Ms until an answer that has begun and stalls is given up. */
async function stalled(lab: Lab, place: 'backend' | 'app'): Promise<unknown> {
  const service = lab.services[place]
  service.answer = (_arrival, response) => {
    response.writeHead(200, { 'content-length': 10 })
    response.write('half')
  }
  const answer = lab.ask()
  const http = lab.sidecar.cluster(place === 'app' ? 'localhost:9080' : 'backend')
  await lab.until(() => http.counters.upstream_cx_rx_bytes_total > 0)
  const afterMs = lab.passed(lab.idle, 4_000_000)
  return { status: (await lab.settled(answer)).status, afterMs }
}

/** Ms until a connection that has served one request is closed, as the one who waits for more. */
async function idleUpstream(lab: Lab, cluster: string): Promise<unknown> {
  await lab.settled(lab.ask())
  const { counters } = lab.sidecar.cluster(cluster)
  return lab.passed(() => counters.upstream_cx_active === 0, 8_000_000)
}

async function idleDownstream(lab: Lab): Promise<unknown> {
  await lab.settled(lab.ask())
  return lab.passed(() => lab.sidecar.proxy.active().connections === 0, 8_000_000)
}

/** Requests a second apart; which connection of the service each came on. */
async function connectionsOver(lab: Lab, seconds: number): Promise<readonly number[]> {
  const { backend } = lab.services
  for (let i = 0; i < seconds; i += 1) {
    await lab.settled(lab.ask())
    lab.clock.tick(1_000)
  }
  return backend.arrivals.map(({ connection }) => connection)
}

/** Requests a second apart; what each answer says of the connection. */
async function farewells(lab: Lab): Promise<unknown> {
  const said: unknown[] = []
  for (let i = 0; i < 5; i += 1) {
    const { headers } = await lab.settled(lab.ask())
    said.push(headers.connection ?? 'keep-alive')
    lab.clock.tick(1_000)
  }
  return said
}

async function idleTcp(lab: Lab): Promise<unknown> {
  const { backend } = lab.services
  backend.serve = (socket) => socket.pipe(socket)
  const socket = await lab.dial()
  socket.write('hello')
  await lab.settled(once(socket, 'data'))
  return lab.passed(() => lab.sidecar.proxy.active().connections === 0, 8_000_000)
}

/** Ms until a caller that has sent half a request head is sent away. */
async function halfHead(lab: Lab): Promise<unknown> {
  const socket = await lab.dial()
  socket.write('GET / HTTP/1.1\r\nhost:')
  const http = lab.sidecar.http(labListeners.inbound)
  await lab.until(() => http.counters.downstream_cx_rx_bytes_total > 0)
  return lab.passed(() => http.counters.downstream_rq_header_timeout > 0)
}

const allowAll = `type: MeshTrafficPermission
name: everyone
spec: {rules: [{default: {allow: [{spiffeID: {type: Prefix, value: 'spiffe://'}}]}}]}`

export const meshTimeout: PolicyTable = {
  kind: 'MeshTimeout',
  section: 'to',
  rows: [
    {
      field: 'connectionTimeout',
      shows: 'a connection that is not there by then, TLS included, has failed',
      set: '{connectionTimeout: 2s}',
      unset: '{}',
      mtls: true,
      drive: unconnected,
      expect: { status: 503, afterMs: 2_000 },
      otherwise: { status: 503, afterMs: 5_000 },
    },
    {
      field: 'http.requestTimeout',
      shows: 'a request not answered by then is answered 504',
      set: '{http: {requestTimeout: 2s}}',
      unset: '{idleTimeout: 1h}',
      drive: (lab) => unanswered(lab, 'backend'),
      expect: { status: 504, afterMs: 2_000 },
      otherwise: { status: 504, afterMs: 15_000 },
    },
    {
      field: 'http.requestTimeout',
      shows: 'holds for what the proxy receives',
      in: 'rules',
      set: '{http: {requestTimeout: 2s}}',
      unset: '{idleTimeout: 1h}',
      drive: (lab) => unanswered(lab, 'app'),
      expect: { status: 504, afterMs: 2_000 },
      otherwise: 'still waiting after 20 s',
    },
    {
      field: 'http.streamIdleTimeout',
      shows: 'an answer that stalls is given up',
      set: '{http: {streamIdleTimeout: 2s, requestTimeout: 0s}}',
      unset: '{http: {requestTimeout: 0s}}',
      drive: (lab) => stalled(lab, 'backend'),
      expect: { status: 0, afterMs: 2_000 },
      otherwise: { status: 0, afterMs: 1_800_000 },
    },
    {
      field: 'http.streamIdleTimeout',
      shows: 'holds for what the proxy receives',
      in: 'rules',
      set: '{http: {streamIdleTimeout: 2s}}',
      unset: '{}',
      drive: (lab) => stalled(lab, 'app'),
      expect: { status: 0, afterMs: 2_000 },
      otherwise: { status: 0, afterMs: 3_600_000 },
    },
    {
      field: 'idleTimeout',
      shows: 'a connection to the destination that nobody uses is closed',
      set: '{idleTimeout: 10s}',
      unset: '{}',
      drive: (lab) => idleUpstream(lab, 'backend'),
      expect: 10_000,
      otherwise: 3_600_000,
    },
    {
      field: 'idleTimeout',
      shows: 'a caller that is silent is sent away',
      in: 'rules',
      set: '{idleTimeout: 10s}',
      unset: '{}',
      drive: idleDownstream,
      expect: 10_000,
      otherwise: 7_200_000,
    },
    {
      field: 'http.maxConnectionDuration',
      shows: 'a connection to the destination is replaced at that age',
      set: '{http: {maxConnectionDuration: 2500ms}}',
      unset: '{}',
      drive: (lab) => connectionsOver(lab, 5),
      expect: [0, 0, 0, 1, 1],
      otherwise: [0, 0, 0, 0, 0],
    },
    {
      field: 'http.maxConnectionDuration',
      shows: 'a caller is told to go with the first answer after that age of its connection',
      in: 'rules',
      set: '{http: {maxConnectionDuration: 2500ms}}',
      unset: '{}',
      drive: farewells,
      expect: ['keep-alive', 'keep-alive', 'keep-alive', 'close', 'keep-alive'],
      otherwise: ['keep-alive', 'keep-alive', 'keep-alive', 'keep-alive', 'keep-alive'],
    },
    {
      field: 'idleTimeout',
      shows: 'a TCP connection on which nothing moves is closed',
      protocol: 'tcp',
      set: '{idleTimeout: 10s}',
      unset: '{}',
      drive: idleTcp,
      expect: 10_000,
      otherwise: 3_600_000,
    },
    {
      field: 'http.maxStreamDuration',
      shows: 'an exchange ends then, whatever it is doing',
      set: '{http: {maxStreamDuration: 3s, requestTimeout: 0s}}',
      unset: '{http: {requestTimeout: 0s}}',
      drive: (lab) => unanswered(lab, 'backend'),
      expect: { status: 504, afterMs: 3_000 },
      otherwise: 'still waiting after 20 s',
    },
    {
      field: 'http.maxStreamDuration',
      shows: 'holds for what the proxy receives',
      in: 'rules',
      set: '{http: {maxStreamDuration: 3s}}',
      unset: '{}',
      drive: (lab) => unanswered(lab, 'app'),
      expect: { status: 504, afterMs: 3_000 },
      otherwise: 'still waiting after 20 s',
    },
    {
      field: 'http.requestHeadersTimeout',
      shows: 'a caller whose request head is not whole by then is sent away',
      in: 'rules',
      set: '{http: {requestHeadersTimeout: 2s}}',
      unset: '{}',
      drive: halfHead,
      expect: 2_000,
      otherwise: 10_000,
    },
    {
      field: 'http.requestTimeout',
      shows: 'rules that name a caller are for it alone',
      in: 'spec',
      listener: 'inbound',
      mtls: true,
      beside: allowAll,
      set: `{rules: [
        {default: {http: {requestTimeout: 5s}}},
        {matches: [{spiffeID: {type: Exact, value: 'spiffe://default/slow'}}], default: {http: {requestTimeout: 9s}}}]}`,
      unset: '{rules: [{default: {http: {requestTimeout: 5s}}}]}',
      drive: async (lab) => ({
        slow: await unanswered(lab, 'app', 'slow'),
        other: await unanswered(lab, 'app', 'other'),
      }),
      expect: { slow: { status: 504, afterMs: 9_000 }, other: { status: 504, afterMs: 5_000 } },
      otherwise: { slow: { status: 504, afterMs: 5_000 }, other: { status: 504, afterMs: 5_000 } },
    },
  ],
}
