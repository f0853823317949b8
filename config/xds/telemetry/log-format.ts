import type { LogFormat } from '../../../proxy/model/listener.ts'
import { isRecord, newProblems } from '../../../proxy/problems.ts'
import { checkLogFormat } from '../../../proxy/telemetry/log-format.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place } from '../reading/report.ts'
import { bool, dataSource, type Outside, text } from '../reading/values.ts'

const formatFields: Coverage = {
  message: 'envoy.config.core.v3.SubstitutionFormatString',
  read: ['text_format', 'text_format_source', 'json_format', 'omit_empty_values'],
  harmless: {
    content_type: 'a log line has none',
    json_format_options: 'fields stand in the order in which they were given',
    formatters: 'operators that are not known are refused where they stand',
  },
}

/** Envoy's own, for logs without one. */
export const usualFormat: LogFormat = {
  kind: 'text',
  text: '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"',
}

/** What a format says, before it is known what it is for. */
export interface RawFormat {
  /** A text, or an object. */
  readonly content: unknown
  readonly omitEmpty: boolean
  /** Where it stands. */
  readonly place: Place
}

/** A `SubstitutionFormatString`. */
export function rawFormat(place: Place, outside: Outside): RawFormat {
  checkFields(place, formatFields)
  const omitEmpty = bool(place, 'omit_empty_values')
  const json = inside(place, 'json_format')
  if (json !== null) return { content: json.fields, omitEmpty, place }
  const source = dataSource(place, 'text_format_source', outside)
  return { content: source ?? text(place, 'text_format'), omitEmpty, place }
}

/** The format of a log. A line ends by itself here, so the newline at its end is left out. */
export function logFormat({ content, omitEmpty, place }: RawFormat): LogFormat {
  const format: LogFormat = isRecord(content)
    ? { kind: 'json', fields: jsonFields(content, place), omitEmpty }
    : { kind: 'text', text: String(content).replace(/\n$/, '') }
  checkOperators(format, place)
  return format
}

export function checkOperators(format: LogFormat, place: Place): void {
  const problems = newProblems()
  checkLogFormat(format, '', problems)
  for (const { message } of problems.list) fail(place, '', message)
}

function jsonFields(
  content: Readonly<Record<string, unknown>>,
  place: Place,
): readonly { readonly key: string; readonly value: string }[] {
  return Object.entries(content).flatMap(([key, value]) => {
    if (typeof value !== 'object') return [{ key, value: String(value) }]
    fail(place, '', `the field ${key} must be a text: objects in objects are not supported here`)
    return []
  })
}

export const formatCoverages: readonly Coverage[] = [formatFields]
