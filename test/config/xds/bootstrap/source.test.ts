import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import t, { type Test } from 'tap'
import type { Emission } from '../../../../config/source.ts'
import { bootstrapSource } from '../../../../config/xds/bootstrap/source.ts'
import { systemClock } from '../../../../proxy/clock.ts'
import { memoryLog } from '../../../support/memory-log.ts'
import { testCa, testLeaf } from '../../../support/pki.ts'
import { xdsServer } from '../../../support/xds-server.ts'

const tcp = '"@type": a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'

const bootstrap = `
admin: {}
static_resources:
  clusters: [{name: app, type: STATIC}]
  listeners:
    - name: in
      address: {socket_address: {address: 127.0.0.1, port_value: 0}}
      filter_chains: [{filters: [{typed_config: {${tcp}, cluster: apps}}]}]
`

/** As SPIRE and Istio's agent are written into a bootstrap. */
const withSecretServer = (path: string) => `
node: {id: web, cluster: shop}
static_resources:
  clusters:
    - name: sds-grpc
      type: STATIC
      load_assignment: {cluster_name: sds-grpc, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: ${path}}}}}]}]}
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": a/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {http2_protocol_options: {}}
    - {name: app, type: STATIC}
  listeners:
    - name: in
      address: {socket_address: {address: 127.0.0.1, port_value: 0}}
      filter_chains:
        - filters: [{typed_config: {${tcp}, cluster: app}}]
          transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": a/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                tls_certificate_sds_secret_configs:
                  - name: default
                    sds_config:
                      resource_api_version: V3
                      api_config_source:
                        api_type: GRPC
                        transport_api_version: V3
                        grpc_services: [{envoy_grpc: {cluster_name: sds-grpc}}]
`

function start(t: Test, text: string) {
  const path = join(t.testdir({}), 'envoy.yaml')
  writeFileSync(path, text)
  const { log, lines } = memoryLog()
  const emissions: Emission[] = []
  const source = bootstrapSource({
    ...{ path, version: '1', environment: {}, stateDir: null, stateKeys: false },
    ...{ clock: systemClock, log },
  })
  t.teardown(() => source.stop())
  const first = new Promise<Emission>((resolve) => {
    source.start((emission) => {
      emissions.push(emission)
      resolve(emission)
    })
  })
  return { emissions, lines, first }
}

t.test('bootstrap source: what nobody will bring is warned of, and the rest serves', async (t) => {
  const { emissions, lines } = start(t, bootstrap)
  t.equal(emissions[0]?.snapshot?.listeners.length, 1)
  t.match(lines.join('\n'), /:2:1 admin: is not looked at; see --admin/)
  t.match(
    lines.join('\n'),
    /:6:7 Listener\/in .*: sends to the cluster apps, which is not there; did you mean "app"\?/,
  )
})

t.test('bootstrap source: an extension that is not known is refused where it counts', async (t) => {
  const ignored =
    '[{name: s, typed_config: {"@type": a/envoy.config.metrics.v3.StatsdSink, prefix: p}}]'
  const fine = start(t, `${bootstrap}stats_sinks: ${ignored}\n`)
  t.equal(fine.emissions[0]?.snapshot?.listeners.length, 1)
  const wrong = (name: string) =>
    start(t, bootstrap.replace('tcp_proxy.v3.TcpProxy', name)).emissions[0]?.problems.filter(
      ({ severity }) => severity === 'error',
    )
  t.match(wrong('tcp_proxy.v3.TcpProxi'), [
    { line: 8, message: /TcpProxi is not supported here/, hint: /^did you mean .*\.TcpProxy\?$/ },
  ])
  t.match(wrong('wasm.v3.Wasm'), [
    { line: 8, message: /Wasm is not supported here/, hint: /^known: / },
  ])
})

t.test(
  'bootstrap source: a secret comes from a server of its own without any control plane',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'outrider-sds-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const path = join(dir, 'socket')
    const { certificate, key } = testLeaf(testCa(), 'spiffe://shop/web')
    const tls_certificate = {
      certificate_chain: { inline_string: certificate },
      private_key: { inline_string: key },
    }
    const secrets = { default: { name: 'default', tls_certificate } }
    const sds = await xdsServer(t, { secrets }, path)
    const { first } = start(t, withSecretServer(relative(process.cwd(), path)))
    const { snapshot, problems } = await first
    t.same(problems, [])
    t.match(snapshot, {
      listeners: [{ filterChains: [{ tls: { certificate: 'default{sds=sds-grpc}' } }] }],
      secrets: [{ name: 'default{sds=sds-grpc}', chain: certificate, key }],
    })
    t.match(sds.requests[0], {
      node: { id: 'web', cluster: 'shop', user_agent_name: 'outrider' },
      resource_names: ['default'],
    })
  },
)
