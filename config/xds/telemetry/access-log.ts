import { basename } from 'node:path'
import type { AccessLog } from '../../../proxy/model/listener.ts'
import { isRecord } from '../../../proxy/problems.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, inside, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { failUnknown, text, typed } from '../reading/values.ts'
import { type LabelledRoutes, logFilter } from './log-filter.ts'
import { logFormat, type RawFormat, rawFormat, usualFormat } from './log-format.ts'
import { otlpFields, otlpLog } from './otlp-log.ts'

const logFields: Coverage = {
  message: 'envoy.config.accesslog.v3.AccessLog',
  read: ['typed_config', 'filter'],
  harmless: { name: 'the type says what it is' },
}

type Written = Omit<AccessLog, 'filter'>
/** Null when nothing can be written there, of which somebody has been told. */
type Read = (place: Place, context: Context) => Written | null

const fileFields: Coverage = {
  message: 'envoy.extensions.access_loggers.file.v3.FileAccessLog',
  read: ['path', 'log_format', 'format', 'json_format', 'typed_json_format'],
  harmless: {},
}

const streamFields = (name: string): Coverage => ({
  message: `envoy.extensions.access_loggers.stream.v3.${name}`,
  read: ['log_format'],
  harmless: {},
})

const stdoutFields = streamFields('StdoutAccessLog')
const stderrFields = streamFields('StderrAccessLog')

const reads: ReadonlyMap<string, Read> = new Map<string, Read>([
  [fileFields.message, fileLog],
  [stdoutFields.message, streamLog(stdoutFields, '/dev/stdout')],
  [stderrFields.message, streamLog(stderrFields, '/dev/stderr')],
  [otlpFields.message, otlpLog],
])

/** The list `access_log` of a filter. */
export function accessLogs(
  filter: Place,
  context: Context,
  routes: LabelledRoutes | null,
): readonly AccessLog[] {
  return each(filter, 'access_log').flatMap((log): readonly AccessLog[] => {
    checkFields(log, logFields)
    const config = typed(log, 'typed_config')
    const read = config === null ? undefined : reads.get(config.type)
    if (config === null || read === undefined) {
      failUnknown(config ?? { type: '', place: log }, reads.keys())
      return []
    }
    const written = read(config.place, context)
    const choice = inside(log, 'filter')
    if (choice === null) return written === null ? [] : [{ ...written, filter: null }]
    const selection = logFilter(choice, routes)
    return written === null ? [] : selection.map((one) => ({ ...written, filter: one }))
  })
}

function streamLog(coverage: Coverage, path: string): Read {
  return (place, context) => {
    checkFields(place, coverage)
    const format = inside(place, 'log_format')
    return {
      format: format === null ? usualFormat : logFormat(rawFormat(format, context.outside)),
      sink: { kind: 'file', path },
    }
  }
}

function fileLog(place: Place, context: Context): Written | null {
  checkFields(place, fileFields)
  const path = text(place, 'path')
  const raw = fileFormat(place, context)
  if (/^kuma-al-.*\.sock$/.test(basename(path))) return forwardedLog(raw, place)
  const format = raw === null ? usualFormat : logFormat(raw)
  return { format, sink: { kind: 'file', path } }
}

/** `log_format`, or one of the older fields; null for Envoy's own. */
function fileFormat(place: Place, context: Context): RawFormat | null {
  const format = inside(place, 'log_format')
  if (format !== null) return rawFormat(format, context.outside)
  const { format: plain, json_format: json, typed_json_format: typedJson } = place.fields
  const content = json ?? typedJson ?? plain
  return content === undefined || content === '' ? null : { content, omitEmpty: false, place }
}

/**
 * Lines that Kuma has its agent take to a TCP backend: a named pipe, whose lines are objects with the address and the line
 * itself. We send the line. Kuma: `accessLogStreamer`.
 */
function forwardedLog(raw: RawFormat | null, place: Place): Written | null {
  const found = raw ?? { content: '', omitEmpty: false, place }
  const wrapped = isRecord(found.content) ? found.content : splitLine(String(found.content))
  const { address, message } = wrapped
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(String(address)) ?? []
  if (host === undefined || message === undefined) {
    const why = `${JSON.stringify(address ?? '')} is not host:port`
    warn(place, 'path', `nothing is sent to the access log backend: ${why}`)
    return null
  }
  return {
    format: logFormat({ ...found, content: message }),
    sink: { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port) },
  }
}

/** `address;message`, as earlier versions wrote it. */
function splitLine(line: string): Readonly<Record<string, unknown>> {
  const at = line.indexOf(';')
  return at < 0 ? {} : { address: line.slice(0, at), message: line.slice(at + 1) }
}

/** The fields for when a log is written, of which there is one time: at the end of the exchange. */
export function checkLogOptions(place: Place, key: string): void {
  const options = inside(place, key)
  if (options === null) return
  const early = Object.entries(options.fields).filter(([, value]) => value === true)
  for (const [name] of early) warn(options, name, 'has no effect: a line is written at the end')
}

export const logCoverages: readonly Coverage[] = [logFields, fileFields, stdoutFields, stderrFields]
