import { checkFieldText } from '../field-check.ts'
import { checkPolicies } from '../policies.ts'
import {
  flag,
  integer,
  join,
  milliseconds,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  text,
} from '../problems.ts'
import { checkWeighted } from './action-check.ts'
import type { HttpFilter, TcpFilter } from './listener.ts'
import { checkName } from './origin.ts'
import { checkAccessLogs, checkTracing } from './telemetry-check.ts'

/** The filter of a chain: HTTP or plain bytes. */
export function checkFilter(
  value: unknown,
  path: string,
  problems: Problems,
): HttpFilter | TcpFilter {
  const raw = record(value, path, problems)
  const kind = oneOf(raw, 'kind', path, problems, ['http', 'tcp'])
  return kind === 'http' ? checkHttp(raw, path, problems) : checkTcp(raw, path, problems)
}

function checkHttp(raw: Raw, path: string, problems: Problems): HttpFilter {
  onlyKeys(raw, httpKeys, path, problems)
  const ms = (key: string, fallback: number): number =>
    milliseconds(raw, key, path, problems, fallback)
  const serverName = text(raw, 'serverName', path, problems, 'outrider')
  return {
    kind: 'http',
    routeTable: checkName(raw, 'routeTable', path, problems),
    policies: checkPolicies(raw, 'listener', path, problems),
    idleTimeoutMs: ms('idleTimeoutMs', 3_600_000),
    streamIdleTimeoutMs: ms('streamIdleTimeoutMs', 300_000),
    requestHeadersTimeoutMs: ms('requestHeadersTimeoutMs', 10_000),
    requestTimeoutMs: ms('requestTimeoutMs', 0),
    maxConnectionDurationMs: ms('maxConnectionDurationMs', 0),
    maxStreamDurationMs: ms('maxStreamDurationMs', 0),
    // The bounds keep a peer's share of memory in sight whatever the configuration says.
    maxHeadBytes: integer(raw, 'maxHeadBytes', path, problems, 61_440, 1_024, 1_048_576),
    maxHeaders: integer(raw, 'maxHeaders', path, problems, 100, 1, 10_000),
    forwardClientCert: oneOf(
      raw,
      'forwardClientCert',
      path,
      problems,
      ['sanitize', 'sanitize_set'],
      'sanitize',
    ),
    trustedHops: integer(raw, 'trustedHops', path, problems, 0, 0, 100),
    internal: flag(raw, 'internal', path, problems, false),
    normalizePath: flag(raw, 'normalizePath', path, problems, true),
    mergeSlashes: flag(raw, 'mergeSlashes', path, problems, false),
    stripPort: oneOf(raw, 'stripPort', path, problems, ['never', 'matching', 'any'], 'never'),
    underscoreHeaders: oneOf(raw, 'underscoreHeaders', path, problems, underscoreWords, 'allow'),
    escapedSlashes: oneOf(raw, 'escapedSlashes', path, problems, slashWords, 'keep'),
    codec: oneOf(raw, 'codec', path, problems, ['auto', 'http1', 'http2'], 'auto'),
    serverName: checkFieldText(serverName, join(path, 'serverName'), problems),
    accessLogs: checkAccessLogs(raw, path, problems),
    tracing: checkTracing(raw, path, problems),
  }
}

const underscoreWords = ['allow', 'drop', 'reject'] as const
const slashWords = ['keep', 'reject', 'decode', 'redirect'] as const

const httpKeys = [
  'kind',
  'routeTable',
  'policies',
  'idleTimeoutMs',
  'streamIdleTimeoutMs',
  'requestHeadersTimeoutMs',
  'requestTimeoutMs',
  'maxConnectionDurationMs',
  'maxStreamDurationMs',
  'maxHeadBytes',
  'maxHeaders',
  'forwardClientCert',
  'trustedHops',
  'internal',
  'normalizePath',
  'mergeSlashes',
  'stripPort',
  'underscoreHeaders',
  'escapedSlashes',
  'codec',
  'serverName',
  'accessLogs',
  'tracing',
]

function checkTcp(raw: Raw, path: string, problems: Problems): TcpFilter {
  onlyKeys(raw, tcpKeys, path, problems)
  const clusters = checkWeighted(raw, path, problems)
  if (clusters.length === 0) {
    problems.add(join(path, 'clusters'), 'must have at least one destination')
  }
  return {
    kind: 'tcp',
    clusters,
    policies: checkPolicies(raw, 'listener', path, problems),
    idleTimeoutMs: milliseconds(raw, 'idleTimeoutMs', path, problems, 3_600_000),
    maxConnectAttempts: integer(raw, 'maxConnectAttempts', path, problems, 1, 1, 100),
    accessLogs: checkAccessLogs(raw, path, problems),
  }
}

const tcpKeys = [
  'kind',
  'clusters',
  'policies',
  'idleTimeoutMs',
  'maxConnectAttempts',
  'accessLogs',
]
