import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

function logsOf(spec: string, direction = 'outbound', protocol = 'http') {
  const { snapshot } = compiledOf(withPolicy('MeshAccessLog', spec, protocol), 'web-1')
  const listener = snapshot.listeners.find((one) => one.direction === direction)
  return listener?.filterChains[0]?.filter.accessLogs
}
const to = (backends: string) =>
  `{to: [{targetRef: {kind: Mesh}, default: {backends: ${backends}}}]}`
const from = (backends: string) => to(backends).replace('to:', 'from:')

const placeholders =
  '%KUMA_MESH% %KUMA_SOURCE_SERVICE% %KUMA_DESTINATION_SERVICE% %KUMA_SOURCE_ADDRESS% %KUMA_SOURCE_ADDRESS_WITHOUT_PORT% %KUMA_TRAFFIC_DIRECTION% %DURATION%'
const file = `[{type: File, file: {path: /log, format: {type: Plain, plain: "${placeholders}"}}}]`

t.test('mesh-access-log: what is known beforehand is filled in', async (test) => {
  const sink = { kind: 'file', path: '/log' }
  const log = (text: string) => [{ format: { kind: 'text', text }, sink, filter: null }]
  test.same(logsOf(to(file)), log('default web backend 10.0.0.1:0 10.0.0.1 OUTBOUND %DURATION%'))
  test.same(
    logsOf(from(file), 'inbound'),
    log(
      'default unknown web %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% INBOUND %DURATION%',
    ),
  )
})

t.test('mesh-access-log: JSON to a TCP sink', async (test) => {
  const backends =
    '[{type: Tcp, tcp: {address: "[::1]:5000", format: {type: Json, json: [{key: m, value: "%KUMA_MESH%"}], omitEmptyValues: true}}}]'
  test.same(logsOf(to(backends)), [
    {
      format: { kind: 'json', fields: [{ key: 'm', value: 'default' }], omitEmpty: true },
      sink: { kind: 'tcp', host: '::1', port: 5_000 },
      filter: null,
    },
  ])
})

t.test('mesh-access-log: without a format Kuma\u2019s is used, by protocol', async (test) => {
  const plain = '[{type: File, file: {path: /log}}]'
  test.match(logsOf(to(plain)), [
    { format: { text: /^\[%START_TIME%\] default "%REQ\(:METHOD\)%/ } },
  ])
  test.match(logsOf(to(plain), 'outbound', 'tcp'), [
    { format: { text: /10\.0\.0\.1\(web\)->%UPSTREAM_HOST%\(backend\) took/ } },
  ])
})

t.test('mesh-access-log: an empty list logs nothing', async (test) => {
  test.same(logsOf(to('[]')), [])
})

t.test('mesh-access-log: records for a collector', async (test) => {
  const backends = (more: string) =>
    `[{type: OpenTelemetry, openTelemetry: {endpoint: "otel:4317", ${more}}}]`
  const time = { key: 'time', value: '%START_TIME(%s%3f)%' }
  const sink = { kind: 'otlp', url: 'grpc://otel:4317', serviceName: 'web' }
  test.same(
    logsOf(
      to(backends('body: "%KUMA_MESH% %DURATION%", attributes: [{key: m, value: "%KUMA_MESH%"}]')),
    ),
    [
      {
        format: {
          kind: 'json',
          fields: [
            time,
            { key: 'body', value: 'default %DURATION%' },
            { key: 'attributes.m', value: 'default' },
          ],
          omitEmpty: true,
        },
        sink,
        filter: null,
      },
    ],
  )
  const list = '{kvlistValue: {values: [{key: a, value: {stringValue: "%DURATION%"}}]}}'
  test.match(logsOf(to(backends(`body: ${list}`))), [
    { format: { fields: [time, { key: 'body.a', value: '%DURATION%' }] } },
  ])
  test.match(logsOf(to(backends('attributes: []'))), [
    { format: { fields: [time, { key: 'body', value: /^\[%START_TIME%\] default / }] } },
  ])
})
