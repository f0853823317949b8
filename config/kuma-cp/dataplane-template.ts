import { LineCounter } from 'yaml'
import type { SourceFile } from '../files.ts'
import { didYouMean } from '../nearest.ts'
import type { SourceProblem } from '../source.ts'

/** Values of `--dataplane-var`, by name. */
export type TemplateVariables = ReadonlyMap<string, string>

/** A `--dataplane-var` that cannot be read, in one sentence; or what all of them say, the last one of a name wins. */
export type ReadVariables =
  | { readonly ok: true; readonly variables: TemplateVariables }
  | { readonly ok: false; readonly message: string }

/**
 * `name=value`, or several of them separated by commas when there is more than one `=`; a value with commas therefore needs
 * a flag of its own. Source: kuma-dp's `--dataplane-var` (pflag `StringToString`).
 */
export function readVariables(texts: readonly string[]): ReadVariables {
  const variables = new Map<string, string>()
  for (const text of texts) {
    for (const pair of text.split('=').length > 2 ? text.split(',') : [text]) {
      const at = pair.indexOf('=')
      const name = pair.slice(0, Math.max(0, at)).trim()
      if (name === '')
        return { ok: false, message: `must be name=value, got ${JSON.stringify(pair)}` }
      variables.set(name, pair.slice(at + 1))
    }
  }
  return { ok: true, variables }
}

/** The innermost braces first, so that `{{{name}}}` is not a tag in braces. */
const tags = /\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}/g
const foreignTags: Readonly<Record<string, string>> = {
  '#': 'sections',
  '^': 'sections',
  '/': 'sections',
  '>': 'partials',
  '=': 'other delimiters',
}

/**
 * Fills a Dataplane template as kuma-dp does: `{{ name }}`, `{{{ name }}}` and `{{& name }}` are variables, `{{! text }}` a
 * comment. On purpose unlike kuma-dp (hoisie/mustache): a variable that is not given is a problem and not an empty
 * text, and nothing is escaped for HTML, which a Dataplane is not. All problems are found at once.
 */
export function renderTemplate(
  file: SourceFile,
  variables: TemplateVariables,
): { readonly text: string; readonly problems: readonly SourceProblem[] } {
  const problems: SourceProblem[] = []
  const problem = (offset: number, message: string, hint: string | null): void => {
    problems.push(problemAt(file, offset, message, hint))
  }
  const text = file.text.replace(tags, (_, raw?: string, plain?: string, offset = 0) => {
    const content = (raw ?? plain ?? '').trim()
    if (content.startsWith('!')) return ''
    const foreign = foreignTags[content.charAt(0)]
    if (foreign !== undefined) {
      problem(offset, `${foreign} of Mustache are not read: {{${content}}}`, null)
      return ''
    }
    const name = content.replace(/^&\s*/, '')
    const value = variables.get(name)
    if (value === undefined) {
      const hint =
        didYouMean(name, [...variables.keys()]) ?? `give it with --dataplane-var ${name}=…`
      problem(offset, `the variable "${name}" is not given`, hint)
    }
    return value ?? ''
  })
  const open = file.text.replace(tags, (tag) => ' '.repeat(tag.length)).indexOf('{{')
  if (open >= 0) problem(open, '"{{" is not closed by "}}"', null)
  return { text, problems }
}

function problemAt(
  file: SourceFile,
  offset: number,
  message: string,
  hint: string | null,
): SourceProblem {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = file.text.indexOf('\n'); at >= 0; at = file.text.indexOf('\n', at + 1))
    lines.addNewLine(at + 1)
  const { line, col } = lines.linePos(offset)
  return {
    file: file.path,
    line,
    column: col,
    resource: 'Dataplane',
    path: '',
    message,
    hint,
    severity: 'error',
  }
}
