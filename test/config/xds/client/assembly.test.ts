import t from 'tap'
import { newAssembly } from '../../../../config/xds/client/assembly.ts'
import { type ResourceKind, resourceTypes } from '../../../../config/xds/client/resource-type.ts'
import { newStore, type Store } from '../../../../config/xds/client/store.ts'
import { encodeMessage } from '../../../../config/xds/proto/encode.ts'
import { atOnce } from '../../../../proxy/pace.ts'
import type { Raw } from '../../../../proxy/problems.ts'
import { testCa } from '../../../support/pki.ts'
import { noOutside, simple } from '../../../support/xds-translators.ts'

function world() {
  const store = newStore(simple, noOutside)
  const { assemble } = newAssembly(store)
  const take = (...resources: Parameters<Store['take']>) => atOnce(store.take(...resources))
  const put = (kind: ResourceKind, ...messages: readonly Raw[]) =>
    take(
      kind,
      messages.map((fields) => ({
        name: '',
        version: '1',
        bytes: encodeMessage(resourceTypes[kind].message, fields),
      })),
      [],
    )
  return {
    store,
    take,
    put,
    assemble,
    remove: (kind: ResourceKind, ...names: string[]) => take(kind, [], names),
  }
}

const cds = (name: string, more: Raw = {}) => ({ name, ...more })
const eds = (name: string, ...ports: number[]) => ({
  cluster_name: name,
  endpoints: ports.map((priority) => ({ priority })),
})
const lds = (name: string, to: string) => ({ name, stat_prefix: to })
const roots = {
  name: 'roots',
  validation_context: { trusted_ca: { inline_string: testCa().certificate } },
}

t.test('assembly: nothing is made before clusters and listeners were heard of', async (t) => {
  const { put, assemble } = world()
  t.equal(assemble(0).snapshot, null)
  put('clusters')
  t.equal(assemble(1).snapshot, null)
  put('listeners')
  t.same(assemble(2).snapshot?.listeners, [])
})

t.test('assembly: the first snapshot waits for endpoints, for 15 s', async (t) => {
  const { put, assemble } = world()
  put('clusters', cds('a'))
  put('listeners', lds('l', 'a'))
  const first = assemble(0)
  t.equal(first.snapshot, null)
  t.same(first.warming, ['Cluster a waits for its endpoints', 'Listener l waits for the cluster a'])
  t.equal(assemble(14_999).snapshot, null)
  const late = assemble(15_000).snapshot
  t.same(late?.endpoints, [
    { name: 'a', origin: late?.clusters[0]?.origin, localities: [], overprovisioningPercent: 140 },
  ])
  t.equal(late?.listeners.length, 1)
})

t.test('assembly: a listener goes over to a new cluster when that has its endpoints', async (t) => {
  const { put, assemble } = world()
  put('clusters', cds('a'))
  put('endpoints', eds('a', 1))
  put('listeners', lds('l', 'a'))
  const to = (now: number) => {
    const [chain] = assemble(now).snapshot?.listeners[0]?.filterChains ?? []
    return chain?.filter.kind === 'tcp' ? chain.filter.clusters[0]?.cluster : null
  }
  t.equal(to(0), 'a')
  put('clusters', cds('b'))
  put('listeners', lds('l', 'b'))
  t.equal(to(1), 'a', 'b is not ready')
  put('endpoints', eds('b', 2))
  t.equal(to(2), 'b')
})

t.test(
  'assembly: a cluster that is gone stays while something sends to it, for 15 s',
  async (t) => {
    const { put, remove, assemble } = world()
    put('clusters', cds('a', { load_assignment: {} }), cds('b', { load_assignment: {} }))
    put('listeners', lds('l', 'a'))
    const names = (now: number) => assemble(now).snapshot?.clusters.map(({ name }) => name)
    t.same(names(0), ['a', 'b'])
    remove('clusters', 'a')
    t.same(names(1), ['b', 'a'])
    put('listeners', lds('l', 'b'))
    t.same(names(2), ['b'], 'nothing sends to it any more')
    remove('clusters', 'b')
    t.same(names(3), ['b'])
    t.same(names(15_003), [])
  },
)

t.test(
  'assembly: a changed cluster keeps its endpoints; one with a new secret its old self',
  async (t) => {
    const { put, assemble } = world()
    put('clusters', cds('a'))
    put('endpoints', eds('a', 1))
    put('listeners')
    assemble(0)
    put('clusters', cds('a', { per_connection_buffer_limit_bytes: 9 }))
    const changed = assemble(1).snapshot
    t.equal(changed?.clusters[0]?.connectTimeoutMs, 9)
    t.equal(changed?.endpoints[0]?.localities[0]?.endpoints.length, 1)
    put('clusters', cds('a', { transport_socket: { name: 'roots' } }))
    const waiting = assemble(2)
    t.equal(waiting.snapshot?.clusters[0]?.tls, null)
    t.same(waiting.warming, ['Cluster a waits for the secret roots'])
    put('secrets', roots)
    const ready = assemble(3).snapshot
    t.equal(ready?.clusters[0]?.tls?.trust, 'roots')
    t.equal(ready?.secrets.length, 1)
    put('clusters', cds('a', { transport_socket: { name: 'other' } }))
    const again = assemble(4).snapshot
    t.equal(again?.clusters[0]?.tls?.trust, 'roots')
    t.equal(again?.secrets.length, 1, 'what serves keeps the secret that nobody asks for any more')
  },
)

t.test('store: a listener hears the new address of the collector it asked for', async (t) => {
  const { store, put } = world()
  put('listeners', lds('l', 'collector'))
  const port = () => store.held.listeners.get('l')?.value.listener?.port
  t.equal(port(), 0)
  put('clusters', cds('collector', { load_assignment: {} }))
  t.equal(port(), 7)
})

t.test('store: names, doubles and bytes that are no message are refused', async (t) => {
  const { store, take, put } = world()
  const why = (refusals: ReturnType<typeof put>) =>
    refusals.map(
      ({ name, findings }) => `${name}: ${findings.map(({ message }) => message).join()}`,
    )
  t.same(why(put('clusters', cds('a'), cds('a'))), ['a: is there twice'])
  const bytes = encodeMessage(resourceTypes.clusters.message, cds('other'))
  t.same(why(take('clusters', [{ name: 'one', version: '1', bytes }], [])), [
    'one: is called "other"',
  ])
  const broken = { name: 'b', version: '1', bytes: Uint8Array.from([0x0a, 0xff]) }
  t.match(why(take('clusters', [broken], [])), [/^b: /])
  t.equal(store.refusals.size, 2)
  take('clusters', [], ['one', 'b'])
  t.equal(store.refusals.size, 0)
})

t.test('store: what stands in the bootstrap is not changed by the server', async (t) => {
  const { store, take, put, remove } = world()
  const bytes = encodeMessage(resourceTypes.clusters.message, cds('a', { load_assignment: {} }))
  t.equal(store.fix('clusters', { name: 'a', version: '', bytes }), null)
  put('clusters', cds('a', { per_connection_buffer_limit_bytes: 9 }))
  remove('clusters', 'a')
  take('clusters', [], 'complete')
  t.equal(store.held.clusters.get('a')?.value.cluster.connectTimeoutMs, 5_000)
  t.same([...store.versions('clusters')], [])
})

t.test('store: a field of a newer version is a warning with its path', async (t) => {
  const { store, take } = world()
  const bytes = Buffer.concat([
    encodeMessage(resourceTypes.clusters.message, cds('a')),
    Buffer.from([0xf8, 0x7f, 1]),
  ])
  t.same(take('clusters', [{ name: 'a', version: '1', bytes }], []), [])
  t.match(store.held.clusters.get('a')?.warnings, [{ path: /^#\d+$/, severity: 'warning' }])
})
