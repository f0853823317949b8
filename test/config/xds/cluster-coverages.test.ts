import t from 'tap'
import { clusterCoverages } from '../../../config/xds/cluster-coverages.ts'
import { messageType } from '../../../config/xds/proto/table.ts'

t.test('xds coverage: every field is one that Envoy has, and is spoken of once', async (t) => {
  for (const { message, read, harmless } of clusterCoverages) {
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
