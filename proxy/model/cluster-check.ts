import { isIP } from 'node:net'
import { checkPolicies } from '../policies.ts'
import {
  decimal,
  flag,
  integer,
  join,
  milliseconds,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  records,
  textOrNull,
} from '../problems.ts'
import type { BalancerConfig, Cluster } from './cluster.ts'
import { checkIdentity } from './origin.ts'
import { checkHealthCheck } from './probe-check.ts'
import { checkUpstreamTls } from './tls-check.ts'

/** A cluster with every default filled in. */
export function checkCluster(raw: Raw, problems: Problems): Cluster {
  onlyKeys(raw, known, '', problems)
  const ms = (key: string, fallback: number, min = 0): number =>
    milliseconds(raw, key, '', problems, fallback, min)
  const bindAddress = textOrNull(raw, 'bindAddress', '', problems)
  if (bindAddress !== null && isIP(bindAddress) === 0) {
    problems.add('bindAddress', 'must be an IP address')
  }
  return {
    ...checkIdentity(raw, problems),
    discovery: oneOf(raw, 'discovery', '', problems, ['static', 'dns', 'original'], 'static'),
    dnsRefreshMs: ms('dnsRefreshMs', 5_000, 1),
    protocol: oneOf(raw, 'protocol', '', problems, protocols, 'http1'),
    connectTimeoutMs: ms('connectTimeoutMs', 5_000, 1),
    idleTimeoutMs: ms('idleTimeoutMs', 3_600_000),
    maxConnectionDurationMs: ms('maxConnectionDurationMs', 0),
    maxStreamDurationMs: ms('maxStreamDurationMs', 0),
    maxRequestsPerConnection: integer(raw, 'maxRequestsPerConnection', '', problems, 0),
    balancer: checkBalancer(raw, problems),
    panicPercent: decimal(raw, 'panicPercent', '', problems, 50, 0, 100),
    failInPanic: flag(raw, 'failInPanic', '', problems, false),
    healthChecks: records(raw, 'healthChecks', '', problems, checkHealthCheck),
    tls: checkUpstreamTls(raw, '', problems),
    bindAddress,
    policies: checkPolicies(raw, 'cluster', '', problems),
  }
}

const protocols = ['http1', 'http2', 'caller', 'negotiated', 'tcp'] as const

const known = [
  'name',
  'origin',
  'discovery',
  'dnsRefreshMs',
  'protocol',
  'connectTimeoutMs',
  'idleTimeoutMs',
  'maxConnectionDurationMs',
  'maxStreamDurationMs',
  'maxRequestsPerConnection',
  'balancer',
  'panicPercent',
  'failInPanic',
  'healthChecks',
  'tls',
  'bindAddress',
  'policies',
]

const balancerKinds = ['round_robin', 'least_request', 'random', 'ring_hash', 'maglev'] as const

/** Absent means round robin. */
function checkBalancer(cluster: Raw, problems: Problems): BalancerConfig {
  const at = 'balancer'
  const raw = record(cluster.balancer ?? { kind: 'round_robin' }, at, problems)
  const kind = oneOf(raw, 'kind', at, problems, balancerKinds)
  switch (kind) {
    case 'round_robin':
    case 'random':
      onlyKeys(raw, ['kind'], at, problems)
      return { kind }
    case 'least_request':
      onlyKeys(raw, ['kind', 'choiceCount', 'activeRequestBias'], at, problems)
      return {
        kind,
        choiceCount: integer(raw, 'choiceCount', at, problems, 2, 2, 1_000),
        activeRequestBias: decimal(raw, 'activeRequestBias', at, problems, 1, 0, 1_000),
      }
    case 'ring_hash':
      return checkRing(raw, at, problems)
    case 'maglev': {
      onlyKeys(raw, ['kind', 'tableSize'], at, problems)
      const tableSize = integer(raw, 'tableSize', at, problems, 65_537, 2, 5_000_011)
      if (!isPrime(tableSize)) problems.add(join(at, 'tableSize'), `must be a prime`)
      return { kind, tableSize }
    }
    default:
      return kind satisfies never
  }
}

/** Envoy's own bound on a ring. */
const maxRing = 8_388_608

function checkRing(raw: Raw, path: string, problems: Problems): BalancerConfig {
  onlyKeys(raw, ['kind', 'hash', 'minRingSize', 'maxRingSize'], path, problems)
  const minRingSize = integer(raw, 'minRingSize', path, problems, 1_024, 1, maxRing)
  const maxRingSize = integer(raw, 'maxRingSize', path, problems, maxRing, 1, maxRing)
  if (minRingSize > maxRingSize) {
    problems.add(join(path, 'minRingSize'), 'must not be above maxRingSize')
  }
  return {
    kind: 'ring_hash',
    hash: oneOf(raw, 'hash', path, problems, ['xx_hash', 'murmur_hash_2'], 'xx_hash'),
    minRingSize,
    maxRingSize,
  }
}

/** What the table of Maglev must be as large as. */
export function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) {
    if (number % divisor === 0) return false
  }
  return number > 1
}
