import fc from 'fast-check'
import t from 'tap'
import { readPage } from '../../../dp-agent/telemetry/prometheus-text.ts'

t.test('prometheus text: families, labels and odd numbers', async (t) => {
  const page = readPage(
    [
      '# HELP http_requests_total Requests.',
      '# TYPE http_requests_total counter',
      'http_requests_total{method="post",path="C:\\\\x\\"y\\"\\nz"} 3 1395066363000',
      'http_requests_total 1.5e3',
      '',
      '# TYPE rpc_seconds histogram',
      'rpc_seconds_bucket{le="0.5"} 1',
      'rpc_seconds_bucket{le="+Inf"} 2',
      'rpc_seconds_sum 4',
      'rpc_seconds_count 2',
      'lonely_gauge -Inf',
      'lonely_total NaN',
      '# a comment',
      '# EOF',
    ].join('\n'),
  )
  t.same(
    page.map(({ name, type, samples }) => [name, type, samples.length]),
    [
      ['http_requests_total', 'counter', 2],
      ['rpc_seconds', 'histogram', 4],
      ['lonely_gauge', 'untyped', 1],
      ['lonely_total', 'untyped', 1],
    ],
  )
  t.same(page[0]?.samples[0], {
    name: 'http_requests_total',
    labels: { method: 'post', path: 'C:\\x"y"\nz' },
    value: 3,
  })
  t.equal(page[0]?.samples[1]?.value, 1500)
  t.equal(page[0]?.help, 'Requests.')
  t.equal(page[2]?.samples[0]?.value, -Infinity)
})

t.test('prometheus text: lines that are none are left out', async (t) => {
  const bad = ['1abc 2', 'a{b} 1', 'a{b="c} 1', 'a{b="c"', 'a', 'a ', 'a one', 'a{b="c"d="e"} 1']
  t.same(
    readPage([...bad, 'good 1'].join('\n')).map(({ name }) => name),
    ['good'],
  )
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      readPage(text)
      readPage(`a{${text}} 1`)
    }),
  )
})
