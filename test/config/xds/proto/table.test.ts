import t from 'tap'
import { messageNames, messageType } from '../../../../config/xds/proto/table.ts'
import kumaFields from './kuma-fields.json' with { type: 'json' }

/** What is wrong with a path of JSON such as `filterChains[].filters[].name`, or null. */
function missing(type: string, path: string): string | null {
  let name = type
  for (const step of path.split('.')) {
    const field = messageType(name)?.byName.get(step.replace('[]', ''))
    // the key of a map is a step of its own
    if (step === '*') continue
    if (field === undefined) return `${name} has no ${step}`
    name = field.message
  }
  return null
}

t.test('table: has every field that Kuma 2.14 and 3.0 were seen to send', async (t) => {
  for (const [type, paths] of Object.entries(kumaFields)) {
    t.ok(messageType(type), type)
    t.same(
      paths.map((path) => missing(type, path)).filter((problem) => problem !== null),
      [],
      type,
    )
  }
})

t.test('table: every message can be compiled and every message it names is there', async (t) => {
  const fields = messageNames().flatMap((name) => [...(messageType(name)?.byNumber.values() ?? [])])
  t.same(
    fields.filter(({ scalar, message }) => scalar === null && messageType(message) === null),
    [],
  )
  // a message being read is an object: what every object has would pass for a field that was there
  t.same(
    fields.filter(({ name }) => name in {}),
    [],
  )
})

t.test('table: members of a oneof know each other', async (t) => {
  const fields = messageType('envoy.config.route.v3.WeightedCluster')?.byName
  t.same(fields?.get('header_name')?.rivals, ['use_hash_policy'])
  t.same(fields?.get('clusters')?.rivals, [])
})
