import * as v from 'valibot'
import type { Path } from '../../report.ts'
import { type PolicyKind, type Resource, shapeOf } from '../resources.ts'

/** Settings of a policy and where they stand. */
export interface Conf<C> {
  readonly path: Path
  readonly conf: C
}

/** Every `default` of a policy: of its `to`, `from` and `rules`, or its only one. The policy is a checked one. */
export function confsOf<C>(
  policy: Resource<PolicyKind>,
  schema: v.GenericSchema<unknown, C>,
): readonly Conf<C>[] {
  const { to = [], from = [], rules = [], default: only } = shapeOf(policy)
  const listed = Object.entries({ to, from, rules }).flatMap(([section, entries]) =>
    entries.map((entry, index) => ({
      path: ['spec', section, index, 'default'],
      conf: entry.default,
    })),
  )
  return [...listed, { path: ['spec', 'default'], conf: only }]
    .filter(({ conf }) => conf !== undefined)
    .map(({ path, conf }) => ({ path, conf: v.parse(schema, conf) }))
}
