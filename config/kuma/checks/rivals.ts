import { isRecord } from '../../../proxy/problems.ts'
import { type Path, type Reporter, showPath } from '../../report.ts'
import type { MeshView } from '../mesh-view.ts'
import { byImportance, rankOf } from '../precedence.ts'
import {
  isPolicy,
  type Kind,
  type PolicyKind,
  type Resource,
  resourceSchemas,
  shapeOf,
} from '../resources.ts'

/** Policies whose entries stand side by side instead of one over the other. */
const sideBySide: readonly Kind[] = ['MeshFaultInjection', 'MeshProxyPatch', 'MeshPassthrough']

/** One field of one policy. */
interface Word {
  readonly policy: Resource<PolicyKind>
  readonly path: Path
  readonly value: unknown
}

/**
 * Reports policies that say different things of the same traffic while nothing but their names, or the order of their
 * entries, decides: most likely one of them was forgotten. A policy that is meant to give way differs in its target, or
 * in the label `kuma.io/policy-role`.
 */
export function checkRivals(view: MeshView, reporter: Reporter): void {
  for (const kind of Object.keys(resourceSchemas) as readonly Kind[]) {
    if (sideBySide.includes(kind)) continue
    const winners = new Map<string, Word>()
    const policies = view
      .all(kind)
      .filter(isPolicy)
      .filter(({ labels }) => labels['kuma.io/effect'] !== 'shadow')
      .sort((a, b) => byImportance(view, b, a, 0))
    // The most important comes first, and of its entries the last.
    for (const policy of policies) {
      for (const { traffic, word } of wordsOf(view, policy).reverse()) {
        const winner = winners.get(traffic)
        if (winner === undefined) winners.set(traffic, word)
        else if (!isEqual(winner.value, word.value)) report(word, winner, reporter)
      }
    }
  }
}

function report({ policy, path }: Word, winner: Word, reporter: Reporter): void {
  const own = winner.policy === policy
  // Of a name that is taken twice `checkDuplicates` speaks.
  if (!own && winner.policy.name === policy.name) return
  const who = own ? showPath(winner.path) : winner.policy.label
  const why = own ? 'it comes later' : 'its name is the smaller one'
  reporter.warn(policy, path, `${who} says otherwise of the same traffic and wins: ${why}`)
}

/** The fields of a policy, each with all that decides what traffic it is about. */
function wordsOf(view: MeshView, policy: Resource<PolicyKind>) {
  const { targetRef, to = [], from = [], rules = [], default: only } = shapeOf(policy)
  const rank = [rankOf(view, policy), sorted(targetRef ?? { kind: 'Mesh' })]
  const entries = [
    ...Object.entries({ to, from }).flatMap(([section, list]) =>
      list.map((entry, index) => ({
        path: ['spec', section, index] as Path,
        about: sorted(entry.targetRef),
        conf: entry,
      })),
    ),
    ...rules.map((entry, index) => ({
      path: ['spec', 'rules', index] as Path,
      about: entry.matches ?? [],
      conf: entry,
    })),
    { path: ['spec'] as Path, about: null, conf: { default: only } },
  ]
  return entries.flatMap(({ path, about, conf }) =>
    leaves(conf, path, []).map(({ id, ...leaf }) => ({
      traffic: JSON.stringify([rank, path[1], about, id]),
      word: { policy, ...leaf },
    })),
  )
}

/** What is set below `default`, and below each rule of a route, which is known by what it matches. */
function leaves(
  entry: { readonly default?: unknown; readonly rules?: readonly unknown[] | undefined },
  path: Path,
  id: readonly unknown[],
): readonly { readonly id: readonly unknown[]; readonly path: Path; readonly value: unknown }[] {
  const inRules = (entry.rules ?? []).flatMap((rule, index) =>
    isRecord(rule)
      ? leaves(rule, [...path, 'rules', index], [...id, JSON.stringify(rule.matches ?? [])])
      : [],
  )
  return [...inRules, ...fields(entry.default, [...path, 'default'], [...id, 'default'])]
}

function fields(value: unknown, path: Path, id: readonly unknown[]): ReturnType<typeof leaves> {
  if (!isRecord(value)) return value === undefined ? [] : [{ id, path, value }]
  return Object.entries(value).flatMap(([key, field]) =>
    added.some((begin) => key.startsWith(begin)) ? [] : fields(field, [...path, key], [...id, key]),
  )
}

/** Lists that are put together: `append…`, and those of MeshTrafficPermission. */
const added: readonly string[] = ['append', 'allow', 'deny']

/** The same reference, however its fields are ordered. */
function sorted(ref: object): unknown {
  return Object.entries(ref)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, isRecord(value) ? sorted(value) : value])
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
