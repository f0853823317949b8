import t from 'tap'
import type { Emission } from '../../../config/source.ts'
import { xdsSource } from '../../../config/xds/client/source.ts'
import { openStream } from '../../../config/xds/client/stream.ts'
import { translateCluster } from '../../../config/xds/cluster/cluster.ts'
import { translateEndpoints } from '../../../config/xds/cluster/endpoint-group.ts'
import { translateSecret } from '../../../config/xds/tls/secret.ts'
import type { Identity } from '../../../dp-agent/pki/ca.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { silentLog } from '../../../proxy/log.ts'
import { type TestCa, testCa, testLeaf, trustSecret } from '../../support/pki.ts'
import { runProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/sockets.ts'
import { serverTls, type TlsListener, tlsListener, verdictOf } from '../../support/tls.ts'
import { type XdsResources, xdsServer } from '../../support/xds-server.ts'
import { noOutside, simple } from '../../support/xds-translators.ts'

interface Test {
  teardown(run: () => unknown): void
}

const ca = testCa()
const otherCa = testCa()
const ads = { ads: {}, resource_api_version: 'V3' }

const backend = {
  name: 'backend',
  type: 'EDS',
  eds_cluster_config: { eds_config: ads },
  transport_socket: {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: {
        tls_certificate_sds_secret_configs: [{ name: 'identity', sds_config: ads }],
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [
              { san_type: 'URI', matcher: { exact: 'spiffe://mesh/backend' } },
            ],
          },
          validation_context_sds_secret_config: { name: 'trust', sds_config: ads },
        },
      },
    },
  },
}

const inline = (text: string) => ({ inline_bytes: Buffer.from(text).toString('base64') })

/** A listener that sends to the cluster, its one endpoint, and secrets by SDS. */
const resources = (port: number, own: Identity, root: TestCa): XdsResources => ({
  listeners: { out: { name: 'out', stat_prefix: 'backend' } },
  clusters: { backend },
  endpoints: {
    backend: {
      cluster_name: 'backend',
      endpoints: [
        {
          lb_endpoints: [
            {
              endpoint: {
                address: { socket_address: { address: '127.0.0.1', port_value: port } },
              },
            },
          ],
        },
      ],
    },
  },
  secrets: {
    identity: {
      name: 'identity',
      tls_certificate: {
        certificate_chain: inline(own.certificate),
        private_key: inline(own.key),
      },
    },
    trust: { name: 'trust', validation_context: { trusted_ca: inline(root.certificate) } },
  },
})

/** What a server sees of the next connection through the proxy: who called, or why not. */
async function callerSeen(t: Test, port: number, server: TlsListener): Promise<string> {
  const seen = server.next()
  await rawClient(t, port)
  const result = await seen
  return 'detail' in result ? verdictOf(result) : (result.tls.peer?.spiffeId ?? 'nobody')
}

t.test('xds: mutual TLS by secrets of the control plane, exchanged while it serves', async (t) => {
  const server = await tlsListener(
    t,
    serverTls(testLeaf(ca, 'spiffe://mesh/backend'), trustSecret({ '': [ca] })),
  )
  const web = (name: string) => testLeaf(ca, `spiffe://mesh/${name}`)
  const plane = await xdsServer(t, resources(server.port, web('web'), ca))
  const address = { target: `127.0.0.1:${plane.port}`, tls: null, pings: true, metadata: [] }
  const source = xdsSource({
    dial: async () => ({ address, node: { id: 'mesh.web' }, delta: true }),
    node: () => ({ id: 'mesh.web' }),
    openStream,
    translators: {
      ...simple,
      clusters: translateCluster,
      endpoints: translateEndpoints,
      secrets: translateSecret,
    },
    outside: noOutside,
    fixed: [],
    problems: [],
    keep: null,
    clock: systemClock,
    log: silentLog,
  })
  t.teardown(() => source.stop())
  const emissions: Emission[] = []
  let wake = (): void => {}
  source.start((emission) => {
    emissions.push(emission)
    wake()
  })
  const next = async (): Promise<NonNullable<Emission['snapshot']>> => {
    for (;;) {
      const { snapshot, problems } = emissions.shift() ?? { snapshot: null, problems: [] }
      t.same(problems, [])
      if (snapshot !== null) return snapshot
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  const running = await runProxy(t, await next())
  const called = (): Promise<string> => callerSeen(t, running.port('out'), server)
  t.equal(await called(), 'spiffe://mesh/web')

  const renewed = web('web-2')
  plane.set(resources(server.port, renewed, ca))
  await running.proxy.apply(await next())
  t.equal(await called(), 'spiffe://mesh/web-2', 'a new certificate is shown at once')

  plane.set(resources(server.port, renewed, otherCa))
  await running.proxy.apply(await next())
  const client = await rawClient(t, running.port('out'))
  await client.closed()
  t.equal(running.cluster('backend').counters.ssl_fail_verify_error, 1, 'old roots count no more')
})
