import type * as v from 'valibot'
import { collectorFields } from './parts.ts'
import { list, map, maybe, must, someOf, tagged, word } from './shapes.ts'
import { fromList, ruleList, toList, trafficPolicy } from './target-ref.ts'
import { anything, filePath, filled, flag, hostPort, text } from './values.ts'

const format = tagged(
  map({
    type: must(word(['Plain', 'Json']), 'Which of the other fields is given.'),
    plain: maybe(text, 'A line, with operators such as %START_TIME%.'),
    json: maybe(
      list(
        map({
          key: must(filled, 'Name of the field.'),
          value: must(text, 'Its value, with operators such as %START_TIME%.'),
        }),
      ),
      'Fields of a JSON object.',
    ),
    omitEmptyValues: maybe(flag, 'Leave out what has no value.', false),
  }),
)
const formatOr = maybe(format, 'What a line says; that of Kuma by default.')

export const meshAccessLogConf = map({
  backends: maybe(
    list(
      tagged(
        map({
          type: must(word(['Tcp', 'File', 'OpenTelemetry']), 'Which of the other fields is given.'),
          tcp: maybe(
            map({ address: must(hostPort, '`host:port`.'), format: formatOr }),
            'Lines over a TCP connection.',
          ),
          file: maybe(
            map({ path: must(filePath, 'Path; /dev/stdout works.'), format: formatOr }),
            'Lines of a file.',
          ),
          openTelemetry: maybe(
            someOf(
              ['endpoint', 'backendRef'],
              map({
                ...collectorFields,
                attributes: maybe(
                  list(
                    map({
                      key: must(filled, 'Name of the attribute.'),
                      value: must(text, 'Its value, with operators such as %START_TIME%.'),
                    }),
                  ),
                  'Attributes of each record.',
                ),
                body: maybe(
                  anything,
                  'Body of each record, with operators: a text, or `kvlistValue` as in OTLP; that of Kuma by default.',
                ),
              }),
            ),
            'Records for a collector of OpenTelemetry.',
          ),
        }),
      ),
    ),
    'Where lines go; an empty list writes none.',
  ),
})
export type MeshAccessLogConf = v.InferOutput<typeof meshAccessLogConf>
export type AccessLogFormat = v.InferOutput<typeof format>
/** Kuma `MeshAccessLog`. */
export const meshAccessLog = trafficPolicy('A line for every request and connection.', {
  to: toList(meshAccessLogConf),
  from: fromList(meshAccessLogConf),
  rules: ruleList(meshAccessLogConf),
})
