import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { readBootstrap } from '../../../config/kuma-cp/bootstrap.ts'
import { type BootstrapOver, kumaBootstrap } from '../../support/kuma-cp.ts'

const read = (over: BootstrapOver = {}) => readBootstrap(stringify(kumaBootstrap(over)))

t.test('bootstrap: what is honoured of it', async (t) => {
  t.same(read({ token: 'a.b.c' }), {
    ok: true,
    bootstrap: {
      node: { id: 'default.web-1', cluster: 'web', metadata: { 'dataplane.admin.port': '9901' } },
      delta: true,
      target: 'localhost:5678',
      tls: { ca: 'PEM', serverName: null },
      token: 'a.b.c',
      hds: true,
    },
  })
})

t.test('bootstrap: the state of the world, without HDS, token and TLS', async (t) => {
  t.match(read({ apiType: 'GRPC', hds: false, tls: false }), {
    bootstrap: { delta: false, hds: false, token: null, tls: null },
  })
})

t.test(
  'bootstrap: a name is asked for only where it is not the host, and never an address',
  async (t) => {
    t.match(read({ sni: 'kuma-cp' }), { bootstrap: { tls: { serverName: 'kuma-cp' } } })
    t.match(read({ host: '::1', sni: '::1' }), {
      bootstrap: { target: '[::1]:5678', tls: { serverName: null } },
    })
  },
)

t.test('bootstrap: what is not one is refused with the place', async (t) => {
  t.match(readBootstrap('a: ['), { ok: false, message: /^is not YAML/ })
  t.match(readBootstrap('a: &x 1\nb: [*x, *x]'), { ok: false, message: /alias/i })
  t.match(readBootstrap('[]'), { ok: false })
  const { dynamicResources, ...rest } = kumaBootstrap()
  t.match(readBootstrap(stringify({ ...rest, dynamicResources: {} })), {
    ok: false,
    message: /^dynamicResources\.adsConfig: /,
  })
  const lost = { ...rest, dynamicResources, staticResources: { clusters: [] } }
  t.match(readBootstrap(stringify(lost)), { message: /where the ADS server is/ })
})

t.test('bootstrap: whatever comes is read or refused', async (t) => {
  const { dynamicResources, staticResources } = kumaBootstrap()
  const shape = fc.record(
    {
      node: fc.anything(),
      dynamicResources: fc.oneof(fc.constant(dynamicResources), fc.anything()),
      staticResources: fc.oneof(fc.constant(staticResources), fc.anything()),
      hdsConfig: fc.anything(),
    },
    { requiredKeys: [] },
  )
  const texts = fc.oneof(
    fc.string(),
    shape.map((value) => JSON.stringify(value)),
  )
  fc.assert(fc.property(texts, (text) => typeof readBootstrap(text).ok === 'boolean'))
  t.pass()
})
