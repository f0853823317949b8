import { setFlagsFromString } from 'node:v8'
import { formatProblem, hasErrors } from '../../config/source.ts'
import { validate } from '../../config/validate.ts'
import type { Terminal } from '../dispatch.ts'
import type { ValidateOptions } from '../options.ts'

/** `outrider validate`: every problem on standard output; exit code 1 when one of them is an error. */
export async function runValidate(
  { format }: ValidateOptions,
  paths: readonly string[],
  terminal: Terminal,
): Promise<number | string> {
  if (paths.length === 0) return 'name the files or directories to look at'
  // The launcher asks for a small process; one that ends at once had better be fast (ADR 5).
  setFlagsFromString('--no-optimize-for-size')
  const { problems, resources, files } = validate(paths, terminal.env)
  if (format === 'json') terminal.out(`${JSON.stringify(problems, null, 2)}\n`)
  else {
    for (const problem of problems) terminal.out(`${formatProblem(problem)}\n`)
    if (problems.length === 0) {
      const looked = `${count(resources, 'resource')} of ${count(files, 'file')}`
      terminal.out(`no problems in ${looked}\n`)
    }
  }
  return hasErrors(problems) ? 1 : 0
}

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`
