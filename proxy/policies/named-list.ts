import type { Exchange } from '../exchange.ts'
import { headerJoined } from '../headers.ts'
import { compileNamedMatch, type NamedMatch } from '../matcher.ts'
import { requestField } from './request-field.ts'

/** Does the request match one of the list? */
export const compileNamedList = (matches: readonly NamedMatch[]): ((x: Exchange) => boolean) =>
  anyOf(matches, requestField)

/** Does the answer of the last try? */
export const compileAnswerList = (matches: readonly NamedMatch[]): ((x: Exchange) => boolean) =>
  anyOf(matches, (x, name) =>
    name === ':status' ? String(x.tryStatus) : headerJoined(x.tryHeaders, name),
  )

function anyOf(
  matches: readonly NamedMatch[],
  read: (x: Exchange, name: string) => string | null,
): (x: Exchange) => boolean {
  const tests = matches.map((named) => {
    const name = named.name.toLowerCase()
    const test = compileNamedMatch(named)
    return (x: Exchange) => test(read(x, name))
  })
  return (x) => tests.some((test) => test(x))
}
