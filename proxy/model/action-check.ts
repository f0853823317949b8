import { checkToken } from '../field-check.ts'
import { checkRegex } from '../matcher.ts'
import { checkPolicies } from '../policies.ts'
import {
  decimal,
  flag,
  integer,
  integerOrNull,
  join,
  maxTimerMs,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  recordOrNull,
  records,
  required,
  text,
  textOrNull,
} from '../problems.ts'
import { checkName } from './origin.ts'
import type {
  DirectAction,
  ForwardAction,
  HashPolicy,
  PathChange,
  RedirectAction,
  Route,
  RouteMatch,
  WeightedCluster,
} from './route.ts'

type PathKind = RouteMatch['path']['kind']

/** What a route does. `matched` is how its path is matched: a prefix can only be replaced where one is matched. */
export function checkAction(
  value: unknown,
  matched: PathKind,
  path: string,
  problems: Problems,
): Route['action'] {
  const raw = record(value, path, problems)
  const kind = oneOf(raw, 'kind', path, problems, ['forward', 'redirect', 'direct'])
  switch (kind) {
    case 'forward':
      return checkForward(raw, matched, path, problems)
    case 'redirect':
      return checkRedirect(raw, matched, path, problems)
    case 'direct':
      return checkDirect(raw, path, problems)
    default:
      return kind satisfies never
  }
}

/** Destinations by weight. The weights of a list that is not empty must add up to something. */
export function checkWeighted(
  raw: Raw,
  path: string,
  problems: Problems,
): readonly WeightedCluster[] {
  const clusters = records(raw, 'clusters', path, problems, (fields, at) => {
    onlyKeys(fields, ['cluster', 'weight', 'policies'], at, problems)
    return {
      cluster: checkName(fields, 'cluster', at, problems),
      weight: integer(fields, 'weight', at, problems, 1, 0, 4_294_967_295),
      policies: checkPolicies(fields, 'route', at, problems),
    }
  })
  if (clusters.length > 0 && clusters.every(({ weight }) => weight === 0)) {
    problems.add(join(path, 'clusters'), 'must have a weight above 0')
  }
  return clusters
}

function checkForward(
  raw: Raw,
  matched: PathKind,
  path: string,
  problems: Problems,
): ForwardAction {
  onlyKeys(raw, ['kind', 'clusters', 'rewrite', 'hashPolicies', 'mirrors'], path, problems)
  const at = join(path, 'rewrite')
  const rewrite = record(raw.rewrite ?? {}, at, problems)
  onlyKeys(rewrite, ['path', 'host'], at, problems)
  return {
    kind: 'forward',
    clusters: checkWeighted(raw, path, problems),
    rewrite: {
      path: checkPathChange(rewrite, matched, at, problems),
      host: checkHostRewrite(rewrite, at, problems),
    },
    hashPolicies: records(raw, 'hashPolicies', path, problems, checkHashPolicy),
    mirrors: records(raw, 'mirrors', path, problems, (fields, place) => {
      onlyKeys(fields, ['cluster', 'percent'], place, problems)
      return {
        cluster: checkName(fields, 'cluster', place, problems),
        percent: decimal(fields, 'percent', place, problems, 100, 0, 100),
      }
    }),
  }
}

/** The optional `path` of a rewrite or a redirect. */
function checkPathChange(
  rewrite: Raw,
  matched: PathKind,
  path: string,
  problems: Problems,
): PathChange | null {
  const raw = recordOrNull(rewrite, 'path', path, problems)
  if (raw === null) return null
  const at = join(path, 'path')
  const kind = oneOf(raw, 'kind', at, problems, ['prefix', 'full', 'regex'])
  if (kind === 'regex') {
    onlyKeys(raw, ['kind', 'pattern', 'substitution'], at, problems)
    const pattern = text(raw, 'pattern', at, problems)
    checkRegex(pattern, join(at, 'pattern'), problems)
    return { kind, pattern, substitution: targetText(raw, 'substitution', at, problems) }
  }
  onlyKeys(raw, ['kind', 'value'], at, problems)
  if (kind === 'prefix') needsPrefix(matched, at, problems)
  return { kind, value: targetText(raw, 'value', at, problems) }
}

function checkHostRewrite(
  rewrite: Raw,
  path: string,
  problems: Problems,
): ForwardAction['rewrite']['host'] {
  const raw = recordOrNull(rewrite, 'host', path, problems)
  if (raw === null) return null
  const at = join(path, 'host')
  const kind = oneOf(raw, 'kind', at, problems, ['literal', 'endpoint'])
  onlyKeys(raw, kind === 'literal' ? ['kind', 'value'] : ['kind'], at, problems)
  return kind === 'endpoint' ? { kind } : { kind, value: targetText(raw, 'value', at, problems) }
}

function checkHashPolicy(raw: Raw, path: string, problems: Problems): HashPolicy {
  const kind = oneOf(raw, 'kind', path, problems, ['header', 'cookie', 'source_ip', 'query'])
  const terminal = flag(raw, 'terminal', path, problems, false)
  if (kind === 'source_ip') {
    onlyKeys(raw, ['kind', 'terminal'], path, problems)
    return { kind, terminal }
  }
  const name = checkName(raw, 'name', path, problems)
  if (kind === 'cookie') {
    onlyKeys(raw, ['kind', 'terminal', 'name', 'ttlMs', 'path'], path, problems)
    checkToken(name, 'a cookie name', join(path, 'name'), problems)
    const ttlMs = integerOrNull(raw, 'ttlMs', path, problems, 0, maxTimerMs)
    const cookiePath = text(raw, 'path', path, problems, '')
    if (!/^[\x21-\x3a\x3c-\x7e]*$/.test(cookiePath)) {
      problems.add(join(path, 'path'), 'must not hold spaces or semicolons')
    }
    return { kind, terminal, name, ttlMs, path: cookiePath }
  }
  onlyKeys(raw, ['kind', 'terminal', 'name'], path, problems)
  return { kind, terminal, name: kind === 'header' ? name.toLowerCase() : name }
}

const redirectStatuses = [301, 302, 303, 307, 308] as const

function checkRedirect(
  raw: Raw,
  matched: PathKind,
  path: string,
  problems: Problems,
): RedirectAction {
  onlyKeys(raw, ['kind', 'scheme', 'host', 'port', 'path', 'status'], path, problems)
  const status = redirectStatuses.find((known) => known === (raw.status ?? 301))
  if (status === undefined) {
    problems.add(join(path, 'status'), `must be one of ${redirectStatuses.join(', ')}`)
  }
  const scheme = textOrNull(raw, 'scheme', path, problems)
  if (scheme !== null && scheme !== 'http' && scheme !== 'https') {
    problems.add(join(path, 'scheme'), 'must be http or https')
  }
  return {
    kind: 'redirect',
    scheme,
    host:
      raw.host === undefined || raw.host === null ? null : targetText(raw, 'host', path, problems),
    port: integerOrNull(raw, 'port', path, problems, 1, 65_535),
    path: checkPathChange(raw, matched, path, problems),
    status: status ?? 301,
  }
}

function checkDirect(raw: Raw, path: string, problems: Problems): DirectAction {
  onlyKeys(raw, ['kind', 'status', 'body'], path, problems)
  const body = text(raw, 'body', path, problems, '')
  if (Buffer.byteLength(body) > maxBody) {
    problems.add(join(path, 'body'), `must not be longer than ${maxBody} bytes`)
  }
  return { kind: 'direct', status: required(raw, 'status', path, problems, 200, 599), body }
}

/** A body of the configuration is kept in memory and sent in one piece. */
const maxBody = 65_536

function needsPrefix(matched: PathKind, path: string, problems: Problems): void {
  if (matched === 'prefix' || matched === 'segment') return
  problems.add(path, `replaces the matched prefix, but the path is matched by ${matched}`)
}

/** What will stand in a request line or a Location: visible ASCII, so that nothing can be smuggled in. */
function targetText(raw: Raw, key: string, path: string, problems: Problems): string {
  const value = text(raw, key, path, problems)
  if (!/^[\x21-\x7e]*$/.test(value)) {
    problems.add(join(path, key), 'must hold visible ASCII only, no spaces')
  }
  return value
}
