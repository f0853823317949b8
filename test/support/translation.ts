import { decodeMessage } from '../../config/xds/proto/decode.ts'
import { encodeMessage } from '../../config/xds/proto/encode.ts'
import { newReport, type Place, placeOf } from '../../config/xds/reading/report.ts'
import type { Context } from '../../config/xds/reading/translated.ts'
import type { Raw } from '../../proxy/problems.ts'

/** What a translation may ask: no file, no variable and no cluster is there. */
export const bareContext: Context = {
  origin: { source: 'xds', name: 'test', version: '1' },
  outside: {
    serviceName: 'test',
    file: (path) => {
      throw new Error(`there is no ${path}`)
    },
    environment: (name) => {
      throw new Error(`there is no ${name}`)
    },
  },
  clusterAddress: () => null,
}

export interface Translation<T> {
  readonly value: T
  /** `error path: message (hint)` each. */
  readonly said: readonly string[]
}

/**
 * Translates a message of that type, once it has been over the wire: a field that Envoy does not have fails the test.
 */
export function translation<T>(
  type: string,
  fields: Raw,
  translate: (place: Place, context: Context) => T,
  context: Context = bareContext,
): Translation<T> {
  const decoded = decodeMessage(type, encodeMessage(type, fields))
  if (decoded.problem !== null)
    throw new Error(`${decoded.problem.path} ${decoded.problem.message}`)
  const report = newReport()
  const value = translate(placeOf(decoded.value, report), context)
  const said = report.findings.map(({ path, message, hint, severity }) =>
    [
      severity,
      path === '' ? '' : ` ${path}`,
      `: ${message}`,
      hint === null ? '' : ` (${hint})`,
    ].join(''),
  )
  return { value, said }
}
