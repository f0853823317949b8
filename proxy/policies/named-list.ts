import type { Exchange } from '../exchange.ts'
import { anyValue } from '../headers.ts'
import { compileNamedMatch, type NamedMatch, type NamedPredicate } from '../matcher.ts'
import { type RequestHead, requestField } from './request-field.ts'

type Test = (x: Exchange) => boolean

/** Does the request match one of the list? */
export function compileNamedList(matches: readonly NamedMatch[]): Test {
  const tests = matches.map(compileRequestMatch)
  return (x) => tests.some((test) => test(x))
}

/** Does the request match? Of several fields of the name one is enough, as in Envoy from 1.40 on. */
export function compileRequestMatch(named: NamedMatch): (x: RequestHead) => boolean {
  const single = named.name.startsWith(':') || named.name.toLowerCase() === 'host'
  return compileMatch<RequestHead>(
    named,
    single
      ? (x, name, test) => test(requestField(x, name))
      : (x, name, test) => anyValue(x.requestHeaders, name, test),
  )
}

/** Does the answer of the last try match one of the list? */
export function compileAnswerList(matches: readonly NamedMatch[]): Test {
  const tests = matches.map((named) =>
    compileMatch<Exchange>(named, (x, name, test) =>
      name === ':status' ? test(String(x.tryStatus)) : anyValue(x.tryHeaders, name, test),
    ),
  )
  return (x) => tests.some((test) => test(x))
}

/** `invert` is of the verdict on all the fields of a name. */
function compileMatch<T>(
  named: NamedMatch,
  any: (x: T, name: string, test: NamedPredicate) => boolean,
): (x: T) => boolean {
  const name = named.name.toLowerCase()
  const test = compileNamedMatch({ ...named, invert: false })
  return (x) => any(x, name, test) !== named.invert
}
