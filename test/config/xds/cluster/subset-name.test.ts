import fc from 'fast-check'
import t from 'tap'
import { readSubsetName, subsetName } from '../../../../config/xds/cluster/subset-name.ts'
import { tcpProxy } from '../../../../config/xds/listener/tcp-proxy.ts'
import { forwardAction } from '../../../../config/xds/route/route-action.ts'
import { translation } from '../../../support/translation.ts'

t.test('xds subset: has a name that says what it is', async (t) => {
  t.equal(subsetName({ cluster: 'backend', tags: {} }), 'backend')
  t.equal(
    subsetName({ cluster: 'backend', tags: { version: 'v1', 'kuma.io/zone': 'east' } }),
    'backend{kuma.io/zone=east,version=v1}',
  )
  t.equal(subsetName({ cluster: 'a', tags: { 'x=1': '{,%\n}' } }), 'a{x%3D1=%7B%2C%25%0A%7D}')
  for (const whole of ['backend', 'a{', '{a=b}', 'a{}', 'a{b=c}d', '']) {
    t.equal(readSubsetName(whole), null, whole)
  }
})

t.test('xds subset: what is named can be read again', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1 }).filter((one) => one !== '__proto__')
  fc.assert(
    fc.property(
      fc.stringMatching(/^[^\n\r\u2028\u2029]+$/),
      fc.dictionary(text, text, { minKeys: 1, noNullPrototype: true }),
      (cluster, tags) => {
        const read = readSubsetName(subsetName({ cluster, tags }))
        return (
          read?.cluster === cluster &&
          JSON.stringify(Object.entries(read.tags).sort()) ===
            JSON.stringify(Object.entries(tags).sort())
        )
      },
    ),
  )
})

const lb = (tags: object) => ({ filter_metadata: { 'envoy.lb': tags, other: { x: '1' } } })
const clustersOf = (action: object) => {
  const { value, said } = translation('envoy.config.route.v3.RouteAction', { ...action }, (place) =>
    forwardAction(place, 'prefix', []),
  )
  return [...value.clusters.map(({ cluster }) => cluster), ...said]
}

t.test('xds subset: a route asks for the endpoints with tags', async (t) => {
  t.same(clustersOf({ cluster: 'a', metadata_match: lb({ version: 'v1', n: 2 }) }), [
    'a{n=2,version=v1}',
  ])
  t.same(clustersOf({ cluster: 'a', metadata_match: { filter_metadata: { other: {} } } }), ['a'])
  const clusters = [
    { name: 'a', weight: 1 },
    { name: 'b', weight: 1, metadata_match: lb({ version: 'v2', zone: 'x' }) },
  ]
  t.same(
    clustersOf({ weighted_clusters: { clusters }, metadata_match: lb({ version: 'v1' }) }),
    ['a{version=v1}', 'b{version=v2,zone=x}'],
    'those of a cluster go before those of the route',
  )
  t.same(clustersOf({ cluster: 'a', metadata_match: lb({ versions: ['v1', 'v2'] }) }), [
    'a',
    'error metadata_match.filter_metadata.envoy.lb: must have texts, numbers and flags only',
  ])
})

t.test('xds subset: a connection asks for the endpoints with tags', async (t) => {
  const namesOf = (proxy: object) =>
    translation(
      'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      { ...proxy },
      (place, context) => tcpProxy(place, { policies: [], filterState: new Map() }, context),
    ).value.clusters.map(({ cluster }) => cluster)
  t.same(namesOf({ cluster: 'db', metadata_match: lb({ role: 'main' }) }), ['db{role=main}'])
  const clusters = [{ name: 'db', weight: 1, metadata_match: lb({ role: 'copy' }) }]
  t.same(namesOf({ weighted_clusters: { clusters } }), ['db{role=copy}'])
})
