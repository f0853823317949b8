import type { StringMatch } from '../../../proxy/matcher.ts'
import type { RbacMatch } from '../../../proxy/policies/rbac.ts'
import { fail, type Place } from '../reading/report.ts'

/** Callers, as alternatives: one of these must hold. None: nobody. */
export type Callers = readonly Caller[]

/** As of a rule, and none of `notServerNames` may match the server name. */
export interface Caller extends RbacMatch {
  readonly notServerNames: readonly StringMatch[]
}

const anybody: Caller = { uriSans: [], notUriSans: [], sni: null, notServerNames: [] }

export const everyone: Callers = [anybody]
export const nobody: Callers = []

/** Callers one of whose URI SANs matches. */
export const withUriSan = (match: StringMatch): Callers => [{ ...anybody, uriSans: [match] }]

/** Callers who asked for such a server name. */
export const withServerName = (sni: StringMatch): Callers => [{ ...anybody, sni }]

/** More alternatives are a configuration gone wrong: all of them are tried for each request. */
const maxAlternatives = 1_000

/** Callers who are among all of these. */
export function allOf(parts: readonly Callers[], place: Place): Callers {
  let all = everyone
  for (const part of parts) {
    if (all.length * part.length > maxAlternatives) {
      fail(place, '', `comes to more than ${maxAlternatives} alternatives`)
      return nobody
    }
    all = all.flatMap((one) => part.flatMap((other) => both(one, other, place)))
  }
  return all
}

/** Callers who are not among these. */
export function noneOf(callers: Callers, place: Place): Callers {
  return allOf(
    callers.map(({ uriSans, notUriSans, sni, notServerNames }) => [
      ...uriSans.map((match) => ({ ...anybody, notUriSans: [match] })),
      ...notUriSans.map((match) => ({ ...anybody, uriSans: [match] })),
      ...(sni === null ? [] : [{ ...anybody, notServerNames: [sni] }]),
      ...notServerNames.map((match) => ({ ...anybody, sni: match })),
    ]),
    place,
  )
}

/** The alternatives as rules can say them: of all server names but one they cannot speak. */
export function asRules(callers: Callers, place: Place): readonly RbacMatch[] {
  return callers.map(({ notServerNames, ...match }) => {
    if (notServerNames.length > 0) fail(place, '', 'means all server names but one: not supported')
    return match
  })
}

function both(one: Caller, other: Caller, place: Place): Callers {
  const joined = {
    uriSans: [...one.uriSans, ...other.uriSans],
    notUriSans: [...one.notUriSans, ...other.notUriSans],
    sni: one.sni ?? other.sni,
    notServerNames: [...one.notServerNames, ...other.notServerNames],
  }
  if (one.sni === null || other.sni === null || sameMatch(one.sni, other.sni)) return [joined]
  fail(place, '', 'cannot ask for two server names at once here')
  return nobody
}

const sameMatch = (a: StringMatch, b: StringMatch): boolean =>
  a.kind === b.kind && a.value === b.value && a.ignoreCase === b.ignoreCase
