import { newProblems, type Problems, type Raw } from '../../proxy/problems.ts'

/** What a check function makes of `raw`: its result and the problems as `path: message` lines. */
export function checked<T>(
  check: (raw: Raw, path: string, problems: Problems) => T,
  raw: Raw,
  path = '',
): { readonly config: T; readonly wrong: readonly string[] } {
  const problems = newProblems()
  const config = check(raw, path, problems)
  return { config, wrong: problems.list.map((problem) => `${problem.path}: ${problem.message}`) }
}

/** The paths a check complains about, in order. */
export function wrongPaths<T>(
  check: (raw: Raw, path: string, problems: Problems) => T,
  raw: Raw,
): readonly string[] {
  const problems = newProblems()
  check(raw, '', problems)
  return problems.list.map(({ path }) => path)
}
