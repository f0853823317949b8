import type { Secret } from '../../../proxy/model/secret.ts'
import { checkSecret } from '../../../proxy/model/secret-check.ts'
import { newProblems } from '../../../proxy/problems.ts'
import { fail, inside, type Place, warn } from '../reading/report.ts'

/**
 * The secret when its certificates can be read and its key fits, else null. `fieldOf` says in which field of `place` each
 * part of it stood. No message repeats anything of the PEM.
 */
export function checkedSecret<T extends Secret>(
  secret: T,
  place: Place,
  fieldOf: Readonly<Record<string, string>>,
): T | null {
  const problems = newProblems()
  checkSecret({ ...secret }, problems)
  for (const { path, message } of problems.list) fail(place, fieldOf[path] ?? path, message)
  return problems.list.length === 0 ? secret : null
}

/** Files are read when a resource comes, and not again. */
export function warnWatched(place: Place): void {
  if (inside(place, 'watched_directory') === null) return
  warn(place, 'watched_directory', 'is not watched: files are read when the resource comes')
}
