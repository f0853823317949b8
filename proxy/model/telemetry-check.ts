import { checkFieldName } from '../field-check.ts'
import { checkPeerMatch, readPeerMatch } from '../peer-match.ts'
import {
  decimal,
  flag,
  integer,
  join,
  listOf,
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
  texts,
} from '../problems.ts'
import { checkLogFormat } from '../telemetry/log-format.ts'
import type { AccessLog, LogFormat, SpanExporter, Tracing } from './listener.ts'

/** `accessLogs` of a filter. */
export function checkAccessLogs(
  filter: Raw,
  path: string,
  problems: Problems,
): readonly AccessLog[] {
  return records(filter, 'accessLogs', path, problems, (raw, at) => {
    onlyKeys(raw, ['format', 'sink', 'filter'], at, problems)
    return {
      format: checkFormat(raw.format, join(at, 'format'), problems),
      sink: checkSink(raw.sink, join(at, 'sink'), problems),
      filter: checkLogFilter(raw, at, problems),
    }
  })
}

function checkFormat(value: unknown, path: string, problems: Problems): LogFormat {
  const format = readFormat(record(value, path, problems), path, problems)
  checkLogFormat(format, path, problems)
  return format
}

function readFormat(raw: Raw, path: string, problems: Problems): LogFormat {
  const kind = oneOf(raw, 'kind', path, problems, ['text', 'json'])
  if (kind === 'text') {
    onlyKeys(raw, ['kind', 'text'], path, problems)
    return { kind, text: text(raw, 'text', path, problems) }
  }
  onlyKeys(raw, ['kind', 'fields', 'omitEmpty'], path, problems)
  return {
    kind,
    fields: records(raw, 'fields', path, problems, (fields, at) => {
      onlyKeys(fields, ['key', 'value'], at, problems)
      return { key: text(fields, 'key', at, problems), value: text(fields, 'value', at, problems) }
    }),
    omitEmpty: flag(raw, 'omitEmpty', path, problems, false),
  }
}

function checkSink(value: unknown, path: string, problems: Problems): AccessLog['sink'] {
  const raw = record(value, path, problems)
  const kind = oneOf(raw, 'kind', path, problems, ['file', 'tcp', 'otlp'])
  if (kind === 'otlp') {
    onlyKeys(raw, ['kind', 'url', 'serviceName'], path, problems)
    const url = text(raw, 'url', path, problems)
    checkCollector(url, join(path, 'url'), problems)
    return { kind, url, serviceName: text(raw, 'serviceName', path, problems) }
  }
  if (kind === 'tcp') {
    onlyKeys(raw, ['kind', 'host', 'port'], path, problems)
    const host = text(raw, 'host', path, problems)
    if (!/^[A-Za-z0-9._:%-]{1,253}$/.test(host)) {
      problems.add(join(path, 'host'), 'must be an IP address or a host name')
    }
    return { kind, host, port: required(raw, 'port', path, problems, 1, 65_535) }
  }
  onlyKeys(raw, ['kind', 'path'], path, problems)
  const file = text(raw, 'path', path, problems)
  if (!file.startsWith('/') || file.includes('\0')) {
    problems.add(join(path, 'path'), 'must be an absolute path')
  }
  return { kind, path: file }
}

function checkLogFilter(raw: Raw, path: string, problems: Problems): AccessLog['filter'] {
  const fields = recordOrNull(raw, 'filter', path, problems)
  if (fields === null) return null
  const at = join(path, 'filter')
  onlyKeys(fields, filterKeys, at, problems)
  return {
    minStatus: integer(fields, 'minStatus', at, problems, 0, 0, 599),
    peer: checkPeerMatch(fields, at, problems),
    exceptPeers: listOf(fields, 'exceptPeers', at, problems, readPeerMatch),
    routes: texts(fields, 'routes', at, problems),
    exceptRoutes: texts(fields, 'exceptRoutes', at, problems),
  }
}

const filterKeys = ['minStatus', 'peer', 'exceptPeers', 'routes', 'exceptRoutes']

/** `tracing` of a filter, or null. */
export function checkTracing(filter: Raw, path: string, problems: Problems): Tracing | null {
  const raw = recordOrNull(filter, 'tracing', path, problems)
  if (raw === null) return null
  const at = join(path, 'tracing')
  onlyKeys(raw, tracingKeys, at, problems)
  const percent = (key: string): number => decimal(raw, key, at, problems, 100, 0, 100)
  return {
    serviceName: text(raw, 'serviceName', at, problems),
    exporter: checkExporter(raw.exporter, join(at, 'exporter'), problems),
    clientPercent: percent('clientPercent'),
    randomPercent: percent('randomPercent'),
    overallPercent: percent('overallPercent'),
    tags: records(raw, 'tags', at, problems, (fields, place) => {
      onlyKeys(fields, ['name', 'value'], place, problems)
      return {
        name: text(fields, 'name', place, problems),
        value: checkTagValue(fields.value, join(place, 'value'), problems),
      }
    }),
  }
}

const tracingKeys = [
  'serviceName',
  'exporter',
  'clientPercent',
  'randomPercent',
  'overallPercent',
  'tags',
]

function checkExporter(value: unknown, path: string, problems: Problems): SpanExporter {
  const raw = record(value, path, problems)
  const url = text(raw, 'url', path, problems)
  const kind = oneOf(raw, 'kind', path, problems, ['otlp', 'zipkin', 'datadog'])
  if (kind === 'otlp') checkCollector(url, join(path, 'url'), problems)
  else if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    problems.add(join(path, 'url'), 'must be an http or https URL')
  }
  if (kind !== 'zipkin') {
    onlyKeys(raw, ['kind', 'url'], path, problems)
    return { kind, url }
  }
  onlyKeys(raw, zipkinKeys, path, problems)
  return {
    kind,
    url,
    encoding: oneOf(raw, 'encoding', path, problems, ['json', 'proto'], 'json'),
    traceId128bit: flag(raw, 'traceId128bit', path, problems, false),
    sharedSpanContext: flag(raw, 'sharedSpanContext', path, problems, true),
  }
}

const zipkinKeys = ['kind', 'url', 'encoding', 'traceId128bit', 'sharedSpanContext']

function checkCollector(url: string, path: string, problems: Problems): void {
  if (/^(http|grpc)s?:\/\//.test(url) && URL.canParse(url)) return
  problems.add(path, 'must be an http or https URL, or grpc://host:port or grpcs://host:port')
}

function checkTagValue(
  value: unknown,
  path: string,
  problems: Problems,
): Tracing['tags'][number]['value'] {
  const raw = record(value, path, problems)
  const kind = oneOf(raw, 'kind', path, problems, ['literal', 'header'])
  if (kind === 'literal') {
    onlyKeys(raw, ['kind', 'value'], path, problems)
    return { kind, value: text(raw, 'value', path, problems) }
  }
  onlyKeys(raw, ['kind', 'name', 'default'], path, problems)
  const name = text(raw, 'name', path, problems)
  return {
    kind,
    name: checkFieldName(name, join(path, 'name'), problems),
    default: textOrNull(raw, 'default', path, problems),
  }
}
