import { join } from 'node:path'
import t from 'tap'
import { featuresOf, metricsSocketOf, nodeOf, toldAdmin } from '../../../config/kuma-cp/node.ts'
import {
  readTransparentProxy,
  usualInterception,
} from '../../../config/kuma-cp/transparent-proxy.ts'
import { decodeMessage } from '../../../config/xds/proto/decode.ts'
import { encodeMessage } from '../../../config/xds/proto/encode.ts'
import { sidecar } from '../../support/kuma-cp.ts'

t.test('node: it says what Kuma reads of it', async (t) => {
  const node = nodeOf(sidecar(), null)
  t.match(node, {
    id: 'default.web-1',
    cluster: 'web-1',
    metadata: {
      version: {
        kumaDp: { version: 'outrider-1.2.3' },
        envoy: { version: 'outrider-1.2.3', build: 'node/v26.0.0', kumaDpCompatible: true },
      },
      'dataplane.admin.port': '9901',
      'dataplane.admin.address': '127.0.0.1',
      'dataplane.readinessReporter.port': '9901',
      'dataplane.resource': '{"type":"Dataplane"}',
      'dataplane.proxyType': 'dataplane',
      workdir: '/run/outrider',
      ipv6Enabled: true,
    },
  })
  t.notOk(Object.hasOwn(node.metadata as object, 'dynamicMetadata'))
})

t.test('node: it goes through its message unchanged', async (t) => {
  const type = 'envoy.config.core.v3.Node'
  const node = nodeOf(sidecar({ dynamicMetadata: { HOST_IP: '10.0.0.1' } }), null)
  t.same(decodeMessage(type, encodeMessage(type, node)).value, node)
})

t.test('node: of the bootstrap only the cluster is taken', async (t) => {
  const answered = { cluster: 'web', metadata: { 'dataplane.admin.socketPath': '/envoy.sock' } }
  t.same(nodeOf(sidecar(), answered), { ...nodeOf(sidecar(), null), cluster: 'web' })
})

t.test('node: an admin server elsewhere than Kuma allows is not told', async (t) => {
  for (const admin of [
    { host: '10.0.0.1', port: 9901 },
    { host: '127.0.0.1', port: 0 },
  ]) {
    const node = nodeOf(sidecar({ admin }), null)
    t.equal(toldAdmin({ admin }), null)
    t.match(node.metadata, { 'dataplane.admin.port': '0' })
    t.notOk(Object.hasOwn(node.metadata as object, 'dataplane.readinessReporter.port'))
  }
})

t.test('node: addresses of its own are asked for with --bind-outbounds', async (t) => {
  t.notOk(featuresOf(sidecar({ bindOutbounds: false })).includes('feature-bind-outbounds'))
  t.ok(featuresOf(sidecar({ bindOutbounds: true })).includes('feature-bind-outbounds'))
})

t.test('node: names for the DNS proxy are asked for where there is one', async (t) => {
  const off = sidecar({ dnsPort: 0 })
  t.match(nodeOf(sidecar(), null).metadata, { 'dataplane.dns.port': '15053' })
  t.notOk(Object.hasOwn(nodeOf(off, null).metadata as object, 'dataplane.dns.port'))
  t.ok(featuresOf(sidecar()).includes('feature-embedded-dns'))
  t.notOk(featuresOf(off).includes('feature-embedded-dns'))
})

t.test('node: the socket of a SPIRE agent is told where there is one', async (t) => {
  const spire = { supported: true, socketPath: '/run/spire/agent.sock' }
  t.ok(featuresOf(sidecar({ spire })).includes('feature-spire'))
  t.notOk(featuresOf(sidecar()).includes('feature-spire'))
  t.match(nodeOf(sidecar({ spire }), null).metadata, { 'spireAgent.socketPath': spire.socketPath })
  t.notOk(Object.hasOwn(nodeOf(sidecar(), null).metadata as object, 'spireAgent.socketPath'))
})

t.test('node: the path of the metrics socket is cut as Kuma cuts it', async (t) => {
  const at = { workDir: '/run/outrider', name: 'web-1', mesh: 'default' }
  t.equal(metricsSocketOf(at), '/run/outrider/kuma-mh-web-1-default.sock')
  t.equal(metricsSocketOf({ ...at, name: 'x'.repeat(200) }).length, 103)
})

t.test(
  'node: interception is told with its ports, and with the feature that makes it count',
  async (t) => {
    const intercepted = {
      ...sidecar(),
      transparentProxy: { ...usualInterception, inboundPort: null },
    }
    t.match(nodeOf(intercepted, null).metadata, {
      transparentProxy: {
        ipFamilyMode: 'dualstack',
        redirect: { inbound: { enabled: false }, outbound: { enabled: true, port: 15_001 } },
      },
    })
    const feature = 'feature-transparent-proxy-in-dataplane-metadata'
    t.ok(featuresOf(intercepted).includes(feature))
    t.notOk(featuresOf(sidecar()).includes(feature), 'alone it would mean interception as usual')
  },
)

t.test('transparent proxy: a file or YAML, with what is usual where it says nothing', async (t) => {
  t.same(readTransparentProxy('{}'), usualInterception)
  const yaml = 'redirect: {inbound: {port: 25006}}\nkumaDPUser: mesh\n'
  const file = join(t.testdir({ 'tp.yaml': yaml }), 'tp.yaml')
  t.same(readTransparentProxy(file), { ...usualInterception, inboundPort: 25_006 })
  t.same(readTransparentProxy('{ipFamilyMode: ipv4, redirect: {outbound: {enabled: false}}}'), {
    ipFamilyMode: 'ipv4',
    inboundPort: 15_006,
    outboundPort: null,
  })
  t.match(readTransparentProxy('redirect: {inbound: {port: 0}}'), /^redirect\.inbound\.port: /)
  t.match(readTransparentProxy('{'), /^is not YAML/)
})
