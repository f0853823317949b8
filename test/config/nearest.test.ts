import t from 'tap'
import { editDistance, nearest } from '../../config/nearest.ts'

t.test('nearest: distance counts insertions, deletions, replacements and swaps', async (test) => {
  test.equal(editDistance('', 'abc'), 3)
  test.equal(editDistance('kitten', 'sitting'), 3)
  test.equal(editDistance('naem', 'name'), 1)
  test.equal(editDistance('same', 'same'), 0)
})

t.test('nearest: gives the likeliest word, or none', async (test) => {
  const known = ['numRetries', 'perTryTimeout', 'backOff', 'retryOn']
  test.equal(nearest('pertrytimeout', known), 'perTryTimeout')
  test.equal(nearest('perTryTimout', known), 'perTryTimeout')
  test.equal(nearest('backof', known), 'backOff')
  test.equal(nearest('timeout', known), null)
  test.equal(nearest('x', []), null)
})
