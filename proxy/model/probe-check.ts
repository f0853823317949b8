import { checkFields, checkFieldText } from '../field-check.ts'
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
  required,
  text,
  textOrNull,
  texts,
} from '../problems.ts'
import type { HealthCheck } from './cluster.ts'

/** One entry of a cluster's `healthChecks`. */
export function checkHealthCheck(raw: Raw, path: string, problems: Problems): HealthCheck {
  onlyKeys(raw, known, path, problems)
  const ms = (key: string, fallback: number, min = 0): number =>
    milliseconds(raw, key, path, problems, fallback, min)
  const eventLogPath = textOrNull(raw, 'eventLogPath', path, problems)
  if (eventLogPath !== null && !eventLogPath.startsWith('/')) {
    problems.add(join(path, 'eventLogPath'), 'must be an absolute path')
  }
  return {
    probe: checkProbe(raw.probe, join(path, 'probe'), problems),
    intervalMs: ms('intervalMs', 60_000, 1),
    timeoutMs: ms('timeoutMs', 15_000, 1),
    unhealthyThreshold: integer(raw, 'unhealthyThreshold', path, problems, 5, 1),
    healthyThreshold: integer(raw, 'healthyThreshold', path, problems, 1, 1),
    initialJitterMs: ms('initialJitterMs', 0),
    intervalJitterMs: ms('intervalJitterMs', 0),
    intervalJitterPercent: decimal(raw, 'intervalJitterPercent', path, problems, 0, 0, 100),
    noTrafficIntervalMs: ms('noTrafficIntervalMs', 60_000, 1),
    reuseConnection: flag(raw, 'reuseConnection', path, problems, true),
    eventLogPath,
    alwaysLogFailures: flag(raw, 'alwaysLogFailures', path, problems, false),
  }
}

const known = [
  'probe',
  'intervalMs',
  'timeoutMs',
  'unhealthyThreshold',
  'healthyThreshold',
  'initialJitterMs',
  'intervalJitterMs',
  'intervalJitterPercent',
  'noTrafficIntervalMs',
  'reuseConnection',
  'eventLogPath',
  'alwaysLogFailures',
]

function checkProbe(value: unknown, path: string, problems: Problems): HealthCheck['probe'] {
  const raw = record(value, path, problems)
  const kind = oneOf(raw, 'kind', path, problems, ['tcp', 'http', 'grpc'])
  switch (kind) {
    case 'tcp':
      onlyKeys(raw, ['kind', 'send', 'receive'], path, problems)
      return {
        kind,
        send: base64(text(raw, 'send', path, problems, ''), join(path, 'send'), problems),
        receive: texts(raw, 'receive', path, problems).map((part, index) =>
          base64(part, `${join(path, 'receive')}[${index}]`, problems),
        ),
      }
    case 'http':
      return checkHttpProbe(raw, path, problems)
    case 'grpc':
      onlyKeys(raw, ['kind', 'service', 'authority'], path, problems)
      return {
        kind,
        service: text(raw, 'service', path, problems, ''),
        authority: hostOrNull(raw, 'authority', path, problems),
      }
    default:
      return kind satisfies never
  }
}

function checkHttpProbe(raw: Raw, path: string, problems: Problems): HealthCheck['probe'] {
  onlyKeys(raw, ['kind', 'path', 'host', 'headers', 'expectedStatuses'], path, problems)
  const target = text(raw, 'path', path, problems, '/')
  if (!/^\/[\x21-\x7e]*$/.test(target)) {
    problems.add(join(path, 'path'), 'must begin with a slash and have no spaces')
  }
  const expected = records(raw, 'expectedStatuses', path, problems, (fields, at) => {
    onlyKeys(fields, ['start', 'end'], at, problems)
    const start = required(fields, 'start', at, problems, 100, 599)
    return { start, end: required(fields, 'end', at, problems, start + 1, 600) }
  })
  return {
    kind: 'http',
    path: target,
    host: hostOrNull(raw, 'host', path, problems),
    headers: checkFields(raw, 'headers', path, problems),
    expectedStatuses: expected.length === 0 ? [{ start: 200, end: 201 }] : expected,
  }
}

function hostOrNull(raw: Raw, key: string, path: string, problems: Problems): string | null {
  const host = textOrNull(raw, key, path, problems)
  return host === null ? null : checkFieldText(host, join(path, key), problems)
}

function base64(value: string, path: string, problems: Problems): string {
  if (Buffer.from(value, 'base64').toString('base64') !== value) {
    problems.add(path, 'must be base64 with its padding')
  }
  return value
}
