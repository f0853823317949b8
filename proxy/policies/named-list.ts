import type { Exchange } from '../exchange.ts'
import { headerJoined } from '../headers.ts'
import { compileNamedMatch, type NamedMatch } from '../matcher.ts'

/** Does the request (or, with `of`, another message) match one of the list? Pseudo headers are names too. */
export function compileNamedList(
  matches: readonly NamedMatch[],
  of: (x: Exchange) => readonly string[] = (x) => x.requestHeaders,
): (x: Exchange) => boolean {
  const tests = matches.map((named) => {
    const name = named.name.toLowerCase()
    const test = compileNamedMatch(named)
    const pseudo = pseudoHeaders.get(name)
    return pseudo === undefined
      ? (x: Exchange) => test(headerJoined(of(x), name))
      : (x: Exchange) => test(pseudo(x))
  })
  return (x) => tests.some((test) => test(x))
}

const pseudoHeaders: ReadonlyMap<string, (x: Exchange) => string> = new Map([
  [':method', (x: Exchange) => x.method],
  [':path', (x: Exchange) => x.path],
  [':authority', (x: Exchange) => x.authority],
  [':scheme', (x: Exchange) => x.scheme],
  [':status', (x: Exchange) => String(x.tryStatus)],
])
