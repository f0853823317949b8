import t from 'tap'
import { checkEndpointGroup } from '../../../proxy/model/endpoint-check.ts'
import { newProblems } from '../../../proxy/problems.ts'

const ofAddress = (address: object) => {
  const problems = newProblems()
  const group = checkEndpointGroup(
    { name: 'app', localities: [{ endpoints: [address] }] },
    problems,
  )
  return {
    endpoint: group.localities[0]?.endpoints[0],
    wrong: problems.list.map(({ path }) => path.replace('localities[0].endpoints[0].', '')),
  }
}

t.test('endpoint: addresses are IP addresses, names or paths', (t) => {
  for (const host of ['10.0.0.1', '::1', 'fe80::1%eth0', 'app.test']) {
    t.same(ofAddress({ host, port: 80 }).wrong, [], host)
  }
  t.same(ofAddress({ host: '/run/app.sock' }).wrong, [])
  for (const host of ['', 'a b', '[::1]', 'run/app.sock', 'http://a', 'a@b']) {
    t.same(ofAddress({ host, port: 80 }).wrong, ['host'], host)
  }
  t.end()
})

t.test('endpoint: it may have a name of its own', (t) => {
  t.match(ofAddress({ host: '10.0.0.1', port: 80 }).endpoint, { hostname: '' })
  t.match(ofAddress({ host: '10.0.0.1', port: 80, hostname: 'app.test' }), {
    endpoint: { hostname: 'app.test' },
    wrong: [],
  })
  t.same(ofAddress({ host: '10.0.0.1', port: 80, hostname: 'a\r\nb' }).wrong, ['hostname'])
  t.end()
})

t.test('endpoint: a port is needed, except for a path', (t) => {
  t.same(ofAddress({ host: '10.0.0.1' }).wrong, ['port'])
  t.same(ofAddress({ host: '/run/app.sock', port: 80 }).wrong, ['port'])
  t.same(ofAddress({ host: '10.0.0.1', port: 65_536 }).wrong, ['port', 'port'])
  t.end()
})

t.test('endpoint: weight, health and tags are checked', (t) => {
  const { endpoint, wrong } = ofAddress({
    host: '10.0.0.1',
    port: 80,
    weight: 0,
    health: 'ill',
    tags: { version: 'v1', size: 5 },
    node: 'x',
  })
  t.same(wrong, ['node', 'weight', 'health', 'tags.size'])
  t.match(endpoint, { tags: { version: 'v1' } })
  t.end()
})

t.test('endpoint group: localities are checked', (t) => {
  const problems = newProblems()
  checkEndpointGroup(
    {
      name: 'app',
      localities: [{ priority: 129, weight: -1, zone: 1 }],
      overprovisioningPercent: 99,
    },
    problems,
  )
  t.same(
    problems.list.map(({ path }) => path),
    [
      'localities[0].zone',
      'localities[0].priority',
      'localities[0].weight',
      'overprovisioningPercent',
    ],
  )
  t.end()
})
