import t from 'tap'
import { newRegistry } from '../../../proxy/telemetry/registry.ts'

t.test('registry: the same name gives the same record until it is dropped', async (t) => {
  const registry = newRegistry()
  const cluster = registry.scope('cluster', 'a')
  cluster.counters.upstream_rq_total += 3
  t.equal(registry.scope('cluster', 'a'), cluster)
  t.not(registry.scope('tcp', 'a'), cluster, 'scopes do not share names')
  registry.drop('cluster', 'a')
  t.equal(registry.scope('cluster', 'a').counters.upstream_rq_total, 0)
})

t.test('registry: all records survive a structured clone', async (t) => {
  const registry = newRegistry()
  registry.scope('http', 'in').codes.set(200, 2)
  registry.scope('listener', '0.0.0.0:80')
  const all = registry.all()
  t.same(structuredClone(all), all)
  t.same(
    all.map(({ scope, name }) => `${scope} ${name}`),
    ['http in', 'listener 0.0.0.0:80'],
  )
})
