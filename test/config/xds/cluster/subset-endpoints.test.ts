import t from 'tap'
import { subsetEndpoints } from '../../../../config/xds/cluster/subset-endpoints.ts'
import type { SubsetRules } from '../../../../config/xds/reading/translated.ts'
import { endpoints } from '../../../support/snapshot.ts'

const [locality] = endpoints('backend', 1, 2, 3).localities
const tagged = (tags: readonly Record<string, string>[]) => ({
  ...locality,
  endpoints: (locality?.endpoints ?? []).slice(0, tags.length).map((endpoint, index) => ({
    ...endpoint,
    tags: tags[index] ?? {},
  })),
})
const group = {
  ...endpoints('backend'),
  localities: [
    { zone: 'a', subZone: '', priority: 0, weight: 0, ...tagged([{ v: '1' }, { v: '2', z: 'x' }]) },
    { zone: 'b', subZone: '', priority: 1, weight: 0, ...tagged([{ v: '1', z: 'x' }]) },
  ],
}
const rules = (over: Partial<SubsetRules> = {}): SubsetRules => ({
  selectors: [
    { keys: ['v'], fallback: 'none' },
    { keys: ['z', 'v'], fallback: 'any' },
  ],
  fallback: 'default',
  defaults: { z: 'x' },
  ...over,
})

const portsOf = (tags: Record<string, string>, some: SubsetRules | null = rules()) =>
  subsetEndpoints(group, some, tags).localities.map((one) => one.endpoints.map(({ port }) => port))

for (const [title, found, wanted] of [
  ['those with the tag, where they stand', portsOf({ v: '1' }), [[1], [1]]],
  ['a place without any is left out', portsOf({ v: '2' }), [[2]]],
  ['all tags must be there', portsOf({ v: '1', z: 'x' }), [[1]]],
  ['nobody has it: the fallback of the selector, none', portsOf({ v: '3' }), []],
  ['nobody has it: the fallback of the selector, all', portsOf({ v: '3', z: 'y' }), [[1, 2], [1]]],
  ['no selector for the tags: the default', portsOf({ other: '1' }), [[2], [1]]],
  ['nothing is asked for: the default', portsOf({}), [[2], [1]]],
  ['nothing is asked for: all', portsOf({}, rules({ fallback: 'any' })), [[1, 2], [1]]],
  ['nothing is asked for: none', portsOf({}, rules({ fallback: 'none' })), []],
  ['no rules: all', portsOf({ v: '1' }, null), [[1, 2], [1]]],
] as const) {
  t.test(`xds subset: ${title}`, async (t) => {
    t.same(found, wanted)
  })
}
