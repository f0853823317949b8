import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Emission } from '../../../../config/source.ts'
import { bootstrapSource } from '../../../../config/xds/bootstrap/source.ts'
import { systemClock } from '../../../../proxy/clock.ts'
import { memoryLog } from '../../../support/memory-log.ts'

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
  source.start((emission) => void emissions.push(emission))
  return { emissions, lines }
}

t.test('bootstrap source: what nobody will bring is warned of, and the rest serves', async (t) => {
  const { emissions, lines } = start(t, bootstrap)
  t.equal(emissions[0]?.snapshot?.listeners.length, 1)
  t.match(lines.join('\n'), /:2:1 warning admin: is not looked at; see --admin/)
  t.match(
    lines.join('\n'),
    /:6:7 warning Listener\/in .*: sends to the cluster apps, which is not there; did you mean "app"\?/,
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
