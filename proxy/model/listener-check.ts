import { isIP } from 'node:net'
import {
  integer,
  join,
  milliseconds,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  records,
  text,
  texts,
} from '../problems.ts'
import { checkFilter } from './filter-check.ts'
import type { ChainMatch, FilterChain, Listener } from './listener.ts'
import { checkIdentity, checkName } from './origin.ts'
import { checkDownstreamTls } from './tls-check.ts'

/** A listener with every default filled in. */
export function checkListener(raw: Raw, problems: Problems): Listener {
  onlyKeys(raw, known, '', problems)
  const identity = checkIdentity(raw, problems)
  const address = text(raw, 'address', '', problems)
  if (isIP(address) === 0) problems.add('address', 'must be an IP address')
  const filterChains = records(raw, 'filterChains', '', problems, checkChain)
  if (filterChains.length === 0) problems.add('filterChains', 'must have at least one chain')
  return {
    ...identity,
    address,
    port: integer(raw, 'port', '', problems, 0, 0, 65_535),
    direction: oneOf(
      raw,
      'direction',
      '',
      problems,
      ['inbound', 'outbound', 'unspecified'],
      'unspecified',
    ),
    statPrefix: checkName(raw, 'statPrefix', '', problems, identity.name),
    filterChains,
    maxConnections: integer(raw, 'maxConnections', '', problems, 0),
  }
}

const known = [
  'name',
  'origin',
  'address',
  'port',
  'direction',
  'statPrefix',
  'filterChains',
  'maxConnections',
]

function checkChain(raw: Raw, path: string, problems: Problems): FilterChain {
  onlyKeys(raw, ['name', 'match', 'tls', 'handshakeTimeoutMs', 'filter'], path, problems)
  const match = checkChainMatch(raw, path, problems)
  const tls = checkDownstreamTls(raw, path, problems)
  if (tls !== null && match.transport === 'raw') {
    problems.add(join(path, 'match.transport'), 'must not be raw where TLS is terminated')
  }
  return {
    name: checkName(raw, 'name', path, problems, path),
    match,
    tls,
    handshakeTimeoutMs: milliseconds(raw, 'handshakeTimeoutMs', path, problems, 10_000, 1),
    filter: checkFilter(raw.filter, join(path, 'filter'), problems),
  }
}

/** A DNS name, or `*.` and one. */
const serverName = /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/

function checkChainMatch(chain: Raw, path: string, problems: Problems): ChainMatch {
  const at = join(path, 'match')
  const raw = record(chain.match ?? {}, at, problems)
  onlyKeys(raw, ['transport', 'serverNames', 'alpn'], at, problems)
  const serverNames = texts(raw, 'serverNames', at, problems).map((name) => name.toLowerCase())
  serverNames.forEach((name, index) => {
    if (serverName.test(name)) return
    problems.add(`${join(at, 'serverNames')}[${index}]`, 'must be a host name or *.suffix')
  })
  return {
    transport: oneOf(raw, 'transport', at, problems, ['any', 'tls', 'raw'], 'any'),
    serverNames,
    alpn: texts(raw, 'alpn', at, problems),
  }
}
