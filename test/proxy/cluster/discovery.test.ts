import t from 'tap'
import { closeCluster, setEndpoints, updateCluster } from '../../../proxy/cluster/cluster.ts'
import { type Resolved, systemResolve } from '../../../proxy/cluster/discovery.ts'
import {
  address,
  clusterConfig,
  group,
  locality,
  type RunningCluster,
  runningCluster,
} from '../../support/running-cluster.ts'

interface Question {
  readonly name: string
  answer(addresses: readonly string[], ttl?: number): Promise<void>
  fail(): Promise<void>
}

interface DnsCluster extends RunningCluster {
  /** Not answered yet, oldest first. */
  readonly questions: Question[]
  keys(): readonly string[]
}

/** A DNS cluster whose resolver answers as the test says. */
function dnsCluster(hosts: readonly string[]): DnsCluster {
  const questions: Question[] = []
  const resolve = (name: string): Promise<readonly Resolved[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Resolved[]>()
    questions.push({
      name,
      async answer(addresses, ttl = 0) {
        resolve(addresses.map((address) => ({ address, ttl })))
        await promise
      },
      async fail() {
        reject(new Error('queryA ESERVFAIL'))
        await promise.catch(() => {})
      },
    })
    return promise
  }
  const running = runningCluster(
    group([locality(hosts.map((host) => address(host)))]),
    { discovery: 'dns' },
    { resolve },
  )
  return { ...running, questions, keys: () => running.cluster.endpoints.map(({ key }) => key) }
}

t.test('DNS: makes every address an endpoint that knows its host name', async (t) => {
  const { cluster, questions, keys } = dnsCluster(['app.example:80'])
  t.strictSame(keys(), [], 'nothing before the answer')
  await questions.shift()!.answer(['10.0.0.2', '10.0.0.1', '10.0.0.2'])
  t.strictSame(keys(), ['10.0.0.1:80', '10.0.0.2:80'])
  t.equal(cluster.endpoints[0]!.hostname, 'app.example')
  t.equal(cluster.stats.counters.update_success, 1)
})

t.test('DNS: does not ask for addresses and paths', async (t) => {
  const { questions, keys } = dnsCluster(['10.0.0.1:80', '/run/app.sock:0'])
  t.equal(questions.length, 0)
  t.strictSame(keys(), ['10.0.0.1:80', '/run/app.sock'])
})

t.test('DNS: looks again after the refresh time and its jitter, not before', async (t) => {
  const { clock, questions, keys } = dnsCluster(['app.example:80'])
  await questions.shift()!.answer(['10.0.0.1'])
  clock.tick(5_249)
  t.equal(questions.length, 0)
  clock.tick(1)
  t.equal(questions.length, 1)
  await questions.shift()!.answer(['10.0.0.9'])
  t.strictSame(keys(), ['10.0.0.9:80'])
})

t.test('DNS: waits as long as the TTL says, within an hour', async (t) => {
  const { clock, questions } = dnsCluster(['app.example:80'])
  clock.setRandom([0])
  await questions.shift()!.answer(['10.0.0.1'], 30)
  clock.tick(29_999)
  t.equal(questions.length, 0)
  clock.tick(1)
  await questions.shift()!.answer(['10.0.0.1'], 1)
  clock.tick(4_999)
  t.equal(questions.length, 0, 'the refresh time is the floor')
  clock.tick(1)
  await questions.shift()!.answer(['10.0.0.1'], 0x7fff_ffff)
  clock.tick(3_599_999)
  t.equal(questions.length, 0)
  clock.tick(1)
  t.equal(questions.length, 1)
})

t.test('DNS: keeps the old addresses while it fails', async (t) => {
  const { cluster, clock, questions, keys } = dnsCluster(['app.example:80'])
  await questions.shift()!.answer(['10.0.0.1'])
  const [endpoint] = cluster.endpoints
  for (let i = 0; i < 5; i += 1) {
    clock.tick(6_000)
    await questions.shift()!.fail()
  }
  t.strictSame(keys(), ['10.0.0.1:80'])
  t.equal(cluster.endpoints[0], endpoint)
  t.equal(cluster.stats.counters.update_failure, 5)
})

t.test('DNS: an empty answer removes the addresses', async (t) => {
  const { clock, questions, keys } = dnsCluster(['app.example:80'])
  await questions.shift()!.answer(['10.0.0.1'])
  clock.tick(6_000)
  await questions.shift()!.answer([])
  t.strictSame(keys(), [])
})

t.test('DNS: the same answer changes nothing', async (t) => {
  const { cluster, clock, questions } = dnsCluster(['app.example:80'])
  await questions.shift()!.answer(['10.0.0.1', '10.0.0.2'])
  const before = cluster.endpoints
  clock.tick(6_000)
  await questions.shift()!.answer(['10.0.0.2', '10.0.0.1'])
  t.equal(cluster.endpoints, before)
})

t.test('DNS: watches each name on its own', async (t) => {
  const { questions, keys } = dnsCluster(['a.example:80', 'b.example:81'])
  t.strictSame(
    questions.map(({ name }) => name),
    ['a.example', 'b.example'],
  )
  await questions[1]!.answer(['10.0.0.2'])
  t.strictSame(keys(), ['10.0.0.2:81'])
  await questions[0]!.fail()
  t.strictSame(keys(), ['10.0.0.2:81'])
})

t.test('DNS: asks once for a name with several ports', async (t) => {
  const { questions, keys } = dnsCluster(['a.example:80', 'a.example:81'])
  t.equal(questions.length, 1)
  await questions[0]!.answer(['10.0.0.1'])
  t.strictSame(keys(), ['10.0.0.1:80', '10.0.0.1:81'])
})

t.test('DNS: keeps what it knows of names that stay in a new group', async (t) => {
  const { cluster, clock, questions, keys } = dnsCluster(['a.example:80', 'b.example:80'])
  await questions.shift()!.answer(['10.0.0.1'])
  await questions.shift()!.answer(['10.0.0.2'])
  const [kept] = cluster.endpoints
  setEndpoints(cluster, group([locality([address('a.example:80'), address('c.example:80')])]))
  t.strictSame(keys(), ['10.0.0.1:80'])
  t.equal(cluster.endpoints[0], kept)
  t.strictSame(
    questions.map(({ name }) => name),
    ['c.example'],
  )
  await questions.shift()!.answer(['10.0.0.3'])
  clock.tick(6_000)
  t.strictSame(questions.map(({ name }) => name).sort(), ['a.example', 'c.example'])
})

t.test('DNS: ignores an answer that comes after the cluster was closed', async (t) => {
  const { cluster, clock, questions, keys } = dnsCluster(['a.example:80'])
  closeCluster(cluster)
  await questions.shift()!.answer(['10.0.0.1'])
  t.strictSame(keys(), [])
  t.equal(clock.pending(), 0)
})

t.test('DNS: a cluster may become static and back', async (t) => {
  const { cluster, clock, questions, keys } = dnsCluster(['a.example:80'])
  await questions.shift()!.answer(['10.0.0.1'])
  updateCluster(cluster, clusterConfig())
  t.strictSame(keys(), ['a.example:80'])
  t.equal(clock.pending(), 0)
  updateCluster(cluster, clusterConfig({ discovery: 'dns' }))
  await questions.shift()!.answer(['10.0.0.1'])
  t.strictSame(keys(), ['10.0.0.1:80'])
})

t.test('DNS: the system resolves names of the hosts file', async (t) => {
  const answer = await systemResolve('localhost')
  t.ok(answer.some(({ address }) => address === '127.0.0.1' || address === '::1'))
})
