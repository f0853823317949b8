import { checkToken } from '../field-check.ts'
import { checkNamedMatch, checkRegex } from '../matcher.ts'
import { checkPeerMatch } from '../peer-match.ts'
import { checkPolicies } from '../policies.ts'
import {
  decimal,
  flag,
  join,
  listOf,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  records,
  text,
  texts,
} from '../problems.ts'
import { checkAction } from './action-check.ts'
import { checkIdentity, checkName } from './origin.ts'
import type { Route, RouteMatch, RouteTable, VirtualHost } from './route.ts'

/** A route table; every domain stands once in it. */
export function checkRouteTable(raw: Raw, problems: Problems): RouteTable {
  onlyKeys(raw, ['name', 'origin', 'ignorePort', 'virtualHosts'], '', problems)
  const identity = checkIdentity(raw, problems)
  const virtualHosts = records(raw, 'virtualHosts', '', problems, checkVirtualHost)
  const seen = new Map<string, string>()
  virtualHosts.forEach(({ name, domains }, index) => {
    for (const domain of domains) {
      const owner = seen.get(domain)
      if (owner !== undefined) {
        problems.add(`virtualHosts[${index}].domains`, `${domain} stands in ${owner} already`)
      }
      seen.set(domain, name)
    }
  })
  const ignorePort = flag(raw, 'ignorePort', '', problems, true)
  return { ...identity, ignorePort, virtualHosts }
}

/** `host`, `host:port`, `*.suffix`, `prefix.*` or `*`. */
const domainText = /^(\*|\*?[^\s*/]+|[^\s*/]+\*)$/

function checkVirtualHost(raw: Raw, path: string, problems: Problems): VirtualHost {
  onlyKeys(raw, ['name', 'domains', 'routes'], path, problems)
  const domains = texts(raw, 'domains', path, problems).map((domain) => domain.toLowerCase())
  if (domains.length === 0) problems.add(join(path, 'domains'), 'must have at least one domain')
  domains.forEach((domain, index) => {
    if (domainText.test(domain)) return
    problems.add(`${join(path, 'domains')}[${index}]`, 'must be a host, *.suffix, prefix.* or *')
  })
  return {
    name: checkName(raw, 'name', path, problems),
    domains,
    routes: records(raw, 'routes', path, problems, checkRoute),
  }
}

function checkRoute(raw: Raw, path: string, problems: Problems): Route {
  onlyKeys(raw, ['name', 'match', 'action', 'policies'], path, problems)
  const match = checkMatch(raw.match, join(path, 'match'), problems)
  return {
    name: checkName(raw, 'name', path, problems, '-'),
    match,
    action: checkAction(raw.action, match.path.kind, join(path, 'action'), problems),
    policies: checkPolicies(raw, 'route', path, problems),
  }
}

/** Absent parts match all; so does an absent match. */
function checkMatch(value: unknown, path: string, problems: Problems): RouteMatch {
  const raw = record(value ?? {}, path, problems)
  onlyKeys(raw, matchKeys, path, problems)
  const methods = texts(raw, 'methods', path, problems)
  for (const method of methods) checkToken(method, 'a method', join(path, 'methods'), problems)
  return {
    path: checkPath(raw.path ?? { kind: 'prefix', value: '/' }, join(path, 'path'), problems),
    methods,
    headers: listOf(raw, 'headers', path, problems, checkNamedMatch),
    query: listOf(raw, 'query', path, problems, checkNamedMatch),
    peer: checkPeerMatch(raw, path, problems),
    percent: decimal(raw, 'percent', path, problems, 100, 0, 100),
  }
}

const matchKeys = ['path', 'methods', 'headers', 'query', 'peer', 'percent']

function checkPath(value: unknown, path: string, problems: Problems): RouteMatch['path'] {
  const raw = record(value, path, problems)
  onlyKeys(raw, ['kind', 'value'], path, problems)
  const kind = oneOf(raw, 'kind', path, problems, ['exact', 'prefix', 'segment', 'regex'])
  const given = text(raw, 'value', path, problems)
  const at = join(path, 'value')
  if (kind === 'regex') checkRegex(given, at, problems)
  else if (!given.startsWith('/') && !(kind === 'prefix' && given === '')) {
    problems.add(at, `must begin with a slash, got ${JSON.stringify(given)}`)
  }
  if (kind !== 'regex' && /[?#]/.test(given)) {
    problems.add(at, 'must not hold ? or #: a path is matched without its query')
  }
  return { kind, value: given }
}
