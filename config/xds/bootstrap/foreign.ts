import { isRecord } from '../../../proxy/problems.ts'
import { typeName } from '../proto/decode.ts'
import { messageType } from '../proto/table.ts'

/**
 * A value with every extension closed whose message is not in our table, as one that was sent would be: where it stands
 * in what is not looked at it does no harm, elsewhere the reader of that place refuses it by its type.
 */
export function withForeignClosed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withForeignClosed)
  if (!isRecord(value)) return value
  const url = value['@type']
  if (typeof url === 'string' && messageType(typeName(url)) === null) {
    return { '@type': url, '@bytes': '' }
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withForeignClosed(inner)]),
  )
}
