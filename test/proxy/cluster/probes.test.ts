import { createServer } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import t from 'tap'
import { newProbe } from '../../../proxy/cluster/probes.ts'
import type { HealthCheck } from '../../../proxy/model/cluster.ts'
import { ask, listenFor, type Target, type Test } from '../../support/probe-target.ts'
import {
  addresses,
  group,
  healthCheck,
  locality,
  runningCluster,
} from '../../support/running-cluster.ts'

const http: HealthCheck['probe'] = {
  kind: 'http',
  path: '/healthz',
  host: null,
  headers: [],
  expectedStatuses: [],
}

/** The result of a probe at a target, in a cluster that speaks `protocol`. */
function result(
  target: Target,
  protocol: 'http1' | 'http2' | 'tcp',
  probe: HealthCheck['probe'],
): Promise<string> {
  const { cluster } = runningCluster(group([locality(addresses(1))]), { protocol })
  const check = healthCheck({ probe, reuseConnection: false })
  const connect = (_endpoint: unknown, _speaks: unknown, done: Parameters<Target['connect']>[0]) =>
    target.connect(done)
  return ask(newProbe(cluster.endpoints[0]!, check, connect))
}

const http1Target = (t: Test, seen: (string | undefined)[]): Promise<Target> =>
  listenFor(
    t,
    createServer((request, response) => {
      seen.push(request.headers.host)
      response.end()
    }),
  )

t.test('probes: speak HTTP as the cluster does', async (t) => {
  const one = await http1Target(t, [])
  t.equal(await result(one, 'http1', http), 'success')
  t.equal(await result(one, 'http2', http), 'network')
  const server = createHttp2Server()
  server.on('stream', (stream: ServerHttp2Stream) =>
    stream.respond({ ':status': 200 }, { endStream: true }),
  )
  const two = await listenFor(t, server)
  t.equal(await result(two, 'http2', http), 'success')
  t.equal(await result(two, 'http1', { kind: 'grpc', service: '', authority: null }), 'refused')
})

t.test('probes: name the cluster as host where none is given', async (t) => {
  const seen: (string | undefined)[] = []
  const target = await http1Target(t, seen)
  await result(target, 'http1', http)
  await result(target, 'http1', { ...http, host: 'app.example' })
  t.strictSame(seen, ['app', 'app.example'])
})

t.test('probes: of TCP ask nothing but a connection by default', async (t) => {
  const target = await http1Target(t, [])
  t.equal(await result(target, 'http1', { kind: 'tcp', send: '', receive: [] }), 'success')
})
