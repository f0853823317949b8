import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

function faultsOf(spec: string, protocol = 'http') {
  const { snapshot } = compiledOf(withPolicy('MeshFaultInjection', spec, protocol), 'backend-1')
  const policies = snapshot.listeners[0]?.filterChains[0]?.filter.policies ?? []
  return policies.filter(({ kind }) => kind === 'fault')
}

const conf = `{http: [{abort: {httpStatus: 500, percentage: 10}}, {delay: {value: 2s, percentage: "0.5"}},
  {responseBandwidth: {limit: 1.5 Mbps, percentage: 100}}]}`
const none = { abort: null, delay: null, bandwidth: null, peer: null, headers: [] }

t.test('mesh-fault-injection: aborts, delays and slow answers', async (test) => {
  test.same(faultsOf(`{rules: [{default: ${conf}}]}`), [
    {
      kind: 'fault',
      faults: [
        { ...none, abort: { status: 500, percent: 10 } },
        { ...none, delay: { ms: 2_000, percent: 0.5 } },
        { ...none, bandwidth: { bytesPerSecond: 187_500, percent: 100 } },
      ],
    },
  ])
})

t.test('mesh-fault-injection: only for the callers it names', async (test) => {
  const abort = '{http: [{abort: {httpStatus: 503, percentage: 1}}]}'
  const spec = `{from: [{targetRef: {kind: MeshService, name: web}, default: ${abort}}]}`
  test.match(faultsOf(spec), [
    {
      faults: [
        { peer: { uriSans: [{ kind: 'exact', value: 'spiffe://default/web' }], sni: null } },
      ],
    },
  ])
})

t.test('mesh-fault-injection: nothing happens to bytes', async (test) => {
  test.same(faultsOf(`{rules: [{default: ${conf}}]}`, 'tcp'), [])
})
