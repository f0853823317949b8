import { isRecord } from '../../../proxy/problems.ts'
import type { Path } from '../../report.ts'

/**
 * `static_resources.clusters[0].load_assignment` as the steps into a document, in which a name may be in camel case. It ends
 * where the document does.
 */
export function pathIn(value: unknown, path: string): Path {
  const steps: (string | number)[] = []
  let here = value
  for (const name of stepsOf(path)) {
    const step = stepInto(here, name)
    if (step === null) break
    steps.push(step)
    here = Array.isArray(here) ? here[Number(step)] : isRecord(here) ? here[step] : undefined
  }
  return steps
}

/** `a[0].b` as `a`, `0`, `b`. */
export const stepsOf = (path: string): readonly string[] =>
  [...path.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)].map(
    ([, word, inBrackets]) => word ?? inBrackets ?? '',
  )

function stepInto(value: unknown, name: string): string | number | null {
  if (Array.isArray(value)) return /^\d+$/.test(name) ? Number(name) : null
  if (!isRecord(value)) return null
  const camel = name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  return [name, camel].find((key) => Object.hasOwn(value, key)) ?? null
}
