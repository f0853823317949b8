import t from 'tap'
import { exchange } from '../../../support/exchange.ts'
import { countPicks, deviations, pickerOf } from '../../../support/picks.ts'

const config = { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 } as const
const x = exchange()

t.test('least request: gives idle endpoints equal shares', async (t) => {
  const weights = [1, 1, 1]
  const { picker, endpoints } = pickerOf(config, weights)
  t.ok(deviations(countPicks(picker, endpoints, 100_000), weights).every((off) => off < 0.02))
})

t.test('least request: takes the less busy of two', async (t) => {
  const { picker, endpoints } = pickerOf(config, [1, 1])
  endpoints[0]!.active = 5
  const [busy = 0, idle = 0] = countPicks(picker, endpoints, 10_000)
  t.ok(Math.abs(busy / (busy + idle) - 0.25) < 0.02, 'the busy one only when drawn twice')
})

t.test('least request: with many choices avoids a busy endpoint', async (t) => {
  const { picker, endpoints } = pickerOf({ ...config, choiceCount: 20 }, [1, 1, 1])
  endpoints[1]!.active = 1
  t.ok(countPicks(picker, endpoints, 10_000)[1]! < 10)
})

t.test('least request: follows weights while nobody is busy', async (t) => {
  const weights = [1, 2, 7]
  const { picker, endpoints } = pickerOf(config, weights)
  t.ok(deviations(countPicks(picker, endpoints, 100_000), weights).every((off) => off < 0.02))
})

t.test(
  'least request: divides the weight by the active requests and the one to come',
  async (t) => {
    const { picker, endpoints } = pickerOf(config, [2, 6])
    endpoints[1]!.active = 2
    t.ok(deviations(countPicks(picker, endpoints, 10_000), [2, 2]).every((off) => off < 0.02))
  },
)

t.test('least request: a bias of 0 looks at weights alone', async (t) => {
  const { picker, endpoints } = pickerOf({ ...config, activeRequestBias: 0 }, [1, 3])
  endpoints[1]!.active = 9
  t.ok(deviations(countPicks(picker, endpoints, 10_000), [1, 3]).every((off) => off < 0.02))
})

t.test('least request: a higher bias avoids the busy more', async (t) => {
  const { picker, endpoints } = pickerOf({ ...config, activeRequestBias: 2 }, [1, 4])
  endpoints[1]!.active = 1
  t.ok(deviations(countPicks(picker, endpoints, 10_000), [1, 1]).every((off) => off < 0.02))
})

t.test('least request: an endpoint whose requests all wait still gets its turns', async (t) => {
  const { picker, endpoints } = pickerOf(config, [1, 2])
  for (let i = 0; i < 300; i += 1) picker.pick(x, 0)!.active += 1
  const [light = 0, heavy = 0] = endpoints.map(({ active }) => active)
  t.ok(heavy > light && light > 50)
})
