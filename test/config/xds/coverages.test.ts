import t from 'tap'
import { coverages } from '../../../config/xds/coverages.ts'
import { messageType } from '../../../config/xds/proto/table.ts'

const all = Object.values(coverages).flat()

t.test('xds coverage: every field is one that Envoy has, and is spoken of once', async (t) => {
  for (const { message, read, harmless } of all) {
    const fields = messageType(message)?.byName
    const named = [...read, ...Object.keys(harmless)]
    t.same(
      named.filter((name) => fields?.has(name) !== true),
      [],
      message,
    )
    t.equal(new Set(named).size, named.length, message)
  }
})

t.test('xds coverage: every message is spoken of once on its side', async (t) => {
  for (const [side, list] of Object.entries(coverages)) {
    const messages = list.map(({ message }) => message)
    const again = messages.filter((message, index) => messages.indexOf(message) !== index)
    t.same(again, [], side)
  }
})
