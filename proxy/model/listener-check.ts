import { isIP } from 'node:net'
import { parseNetwork } from '../network.ts'
import {
  flag,
  integer,
  join,
  listOf,
  milliseconds,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  records,
  text,
  texts,
  whole,
} from '../problems.ts'
import { checkFilter } from './filter-check.ts'
import type { ChainMatch, FilterChain, Listener, ListenerSocket } from './listener.ts'
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
    socket: checkSocket(raw, problems),
    intercepts: flag(raw, 'intercepts', '', problems, false),
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
  'socket',
  'intercepts',
  'direction',
  'statPrefix',
  'filterChains',
  'maxConnections',
]

function checkSocket(raw: Raw, problems: Problems): ListenerSocket {
  const fields = record(raw.socket ?? {}, 'socket', problems)
  const kind = oneOf(fields, 'kind', 'socket', problems, ['bound', 'inherited', 'virtual'], 'bound')
  onlyKeys(fields, kind === 'inherited' ? ['kind', 'name'] : ['kind'], 'socket', problems)
  return kind === 'inherited' ? { kind, name: text(fields, 'name', 'socket', problems) } : { kind }
}

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
  onlyKeys(
    raw,
    ['transport', 'serverNames', 'alpn', 'destinations', 'destinationPorts'],
    at,
    problems,
  )
  const serverNames = texts(raw, 'serverNames', at, problems).map((name) => name.toLowerCase())
  serverNames.forEach((name, index) => {
    if (serverName.test(name)) return
    problems.add(`${join(at, 'serverNames')}[${index}]`, 'must be a host name or *.suffix')
  })
  return {
    transport: oneOf(raw, 'transport', at, problems, ['any', 'tls', 'raw'], 'any'),
    serverNames,
    alpn: texts(raw, 'alpn', at, problems),
    destinations: listOf(raw, 'destinations', at, problems, checkNetwork),
    destinationPorts: listOf(raw, 'destinationPorts', at, problems, (port, path) =>
      whole(port, path, problems, 1, 65_535),
    ),
  }
}

/** `10.0.0.0/8`, `fd00::/8`, or an address, which stands for itself alone. */
function checkNetwork(value: unknown, path: string, problems: Problems): string {
  if (typeof value === 'string' && parseNetwork(value) !== null) return value
  problems.add(path, 'must be a network such as 10.0.0.0/8')
  return '0.0.0.0/0'
}
