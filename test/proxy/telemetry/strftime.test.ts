import fc from 'fast-check'
import t from 'tap'
import { compileTime, isoTime } from '../../../proxy/telemetry/strftime.ts'

const render = (format: string, unixMs: number): string => {
  const compiled = compileTime(format)
  if ('unknown' in compiled) throw new Error(`unknown ${compiled.unknown}`)
  return compiled.render(unixMs)
}

t.test('start time: the default is what Date calls ISO, for any moment', async (t) => {
  const iso = isoTime()
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (ms) => {
      return iso(ms) === new Date(ms).toISOString()
    }),
  )
  t.equal(iso(Date.UTC(2026, 1, 3, 4, 5, 6, 7) + 0.75), '2026-02-03T04:05:06.007Z')
  t.equal(iso(Date.UTC(2026, 1, 3, 4, 5, 6, 8)), '2026-02-03T04:05:06.008Z', 'same second again')
})

t.test('start time: conversions of strftime and of Envoy', async (t) => {
  const at = Date.UTC(2028, 1, 29, 13, 4, 5, 678)
  const table: [string, string][] = [
    ['%Y/%m/%dT%H:%M:%S%z', '2028/02/29T13:04:05+0000'],
    ['%s.%3f', `${Math.floor(at / 1000)}.678`],
    ['%f', '678000000'],
    ['%E3S %E*S', '05.678 05.678'],
    ['%F %T %D %R %y', '2028-02-29 13:04:05 02/29/28 13:04 28'],
    ['%a %A %b %B %e %j', 'Tue Tuesday Feb February 29 060'],
    ['%I %p %Z %%', '01 PM UTC %'],
  ]
  for (const [format, wanted] of table) t.equal(render(format, at), wanted, format)
  t.equal(render('%j', Date.UTC(2028, 11, 31)), '366')
  t.equal(render('%j', Date.UTC(2027, 2, 1)), '060')
  t.equal(render('%j', Date.UTC(2027, 0, 1)), '001')
})

t.test('start time: an unknown conversion is named', async (t) => {
  t.same(compileTime('%Y %Q'), { unknown: '%Q' })
  t.same(compileTime('%Y %'), { unknown: '%' })
})
