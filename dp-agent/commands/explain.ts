import { explain } from '../../config/explain/explain.ts'
import { neighboursOf } from '../../config/explain/neighbours.ts'
import { formatExplanation } from '../../config/explain/text.ts'
import { compile } from '../../config/kuma/compile.ts'
import { newLoader } from '../../config/kuma/load.ts'
import { formatProblem, hasErrors } from '../../config/source.ts'
import type { Terminal } from '../dispatch.ts'
import type { ExplainOptions } from '../options.ts'

/** `outrider explain`: follows a request through the configuration, as the proxy would. */
export async function runExplain(
  { config, name, mesh, header, json }: ExplainOptions,
  positionals: readonly string[],
  terminal: Terminal,
): Promise<number | string> {
  const [method, address, ...rest] = positionals
  if (config.length === 0) return 'say where the resources are: --config <file|dir>'
  if (name === null) return 'say which Dataplane asks: --name <dataplane>'
  if (method === undefined || address === undefined || rest.length > 0) {
    return 'name a method and a URL, as in: GET http://backend.mesh/path'
  }
  const url = URL.parse(address)
  if (url === null) return `"${address}" is no URL; it begins with http://`
  const headers = header.flatMap(readHeader)
  if (headers.length < header.length * 2) return "headers look like -H 'name: value'"

  const loaded = newLoader(terminal.env).load(config)
  const compiled = hasErrors(loaded.problems)
    ? null
    : compile(loaded.resources, mesh, name, terminal.env)
  const problems = [...loaded.problems, ...(compiled?.problems ?? [])]
  for (const problem of problems) terminal.err(`${formatProblem(problem)}\n`)
  if (!compiled?.compilation) return 1
  const neighbours = neighboursOf(loaded.resources, mesh, terminal.env)
  const explanation = explain(compiled.compilation, { method, url, headers }, neighbours)
  const text = json ? JSON.stringify(explanation, null, 2) : formatExplanation(explanation)
  terminal.out(`${text.trimEnd()}\n`)
  return 0
}

function readHeader(line: string): readonly string[] {
  const colon = line.indexOf(':')
  return colon > 0 ? [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] : []
}
