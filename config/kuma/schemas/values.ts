import * as v from 'valibot'
import { durationPattern } from '../../duration.ts'

/**
 * The single values that fields hold. Every message says what is expected; what was found is added by the reader
 * (`check.ts`). Only valibot's plain parts are used, so that a JSON Schema for editors can be made from them.
 */

export const text = v.string('must be a string')
export const filled = v.pipe(text, v.minLength(1, 'must not be empty'))
export const flag = v.boolean('must be true or false')
export const number = v.number('must be a number')
export const integer = v.pipe(number, v.integer('must be a whole number'))
const maxUint32 = 4_294_967_295
/** A whole number between two, both included. */
export const whole = (from: number, to: number, message = `must be ${from} to ${to}`) =>
  v.pipe(integer, v.minValue(from, message), v.maxValue(to, message))
export const uint32 = whole(0, maxUint32)
/** A number of things of which none is nothing. */
export const count = whole(1, maxUint32, 'must be at least 1')
export const port = whole(1, 65_535, 'must be a port, 1 to 65535')
export const status = whole(100, 599, 'must be an HTTP status, 100 to 599')
/** A status that ends a request. */
export const finalStatus = whole(200, 599, 'must be an HTTP status, 200 to 599')
export const errorStatus = whole(400, 599, 'must be an HTTP status, 400 to 599')
/** A share in whole percent. */
export const wholePercent = whole(0, 100, 'must be a percentage, 0 to 100')

/** Text of a form that a regular expression tells. */
const like = (pattern: RegExp, message: string) =>
  v.pipe(v.string(message), v.regex(pattern, message))

/** Go's duration syntax. */
export const duration = like(durationPattern, 'must be a duration such as 1h30m, 250ms or 0s')
/** The same, and longer than nothing. */
export const span = like(
  new RegExp(`^(?=.*[1-9])${durationPattern.source.slice(1)}`),
  'must be a duration longer than 0s, such as 1h30m or 250ms',
)
/** Name of a resource or a mesh. Kuma: `nameCharacterSet`, and dots. */
export const resourceName = like(
  /^[0-9a-z]([0-9a-z._-]{0,251}[0-9a-z])?$/,
  'must be lower-case letters, digits, "-", "_" and ".", of at most 253, with a letter or digit at both ends',
)
/** A path of a URL as it goes over the wire: RFC 9112 has no place for spaces and the like. */
export const urlPath = like(/^\/[!-~]*$/, 'must begin with / and hold visible ASCII only')
export const filePath = like(/^\//, 'must be an absolute path')
export const httpUrl = like(/^https?:\/\/[^\s/]+\S*$/, 'must be an http or https URL')
export const base64 = like(
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  'must be base64 with its padding',
)
/** An IP address, as far as its letters go. */
export const ipAddress = like(
  /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/,
  'must be an IP address',
)
/** An IP address or a host name. */
export const host = like(/^[0-9A-Za-z_.:-]+$/, 'must be an IP address or a host name')
const portText = '(?:[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])'
/** Where a server listens; an IPv6 address stands in brackets. */
export const hostPort = like(
  new RegExp(`^(?:\\[[0-9A-Fa-f:.]+\\]|[^:/\\s[\\]]+):${portText}$`),
  'must be "host:port"',
)
/** `:authority` is what HTTP/2 calls `host`. */
export const headerName = like(
  /^(?::authority|[!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/,
  'must be a header name',
)
export const cookieName = like(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a cookie name')
/** Without what would end the line. */
export const headerValue = like(
  /^[\t\x20-\x7e\x80-\xff]*$/,
  'must not hold line breaks, other control characters or text beyond latin1',
)
export const spiffeId = like(/^spiffe:\/\/\S*$/, 'must begin with spiffe://')
const percentage =
  'must be a percentage: a whole number from 0 to 100, or a decimal in quotes such as "50.5"'
/** A percentage as Kuma takes it (Kubernetes `IntOrString`). */
export const percent = v.union(
  [
    v.pipe(
      v.number(),
      v.integer(percentage),
      v.minValue(0, percentage),
      v.maxValue(100, percentage),
    ),
    v.pipe(v.string(), v.regex(/^(?:100(?:\.0+)?|\d{1,2}(?:\.\d+)?)$/, percentage)),
  ],
  percentage,
)
const atLeastZero = 'must be a number of at least 0, decimals in quotes such as "1.9"'
/** A decimal, plain or in quotes (Kubernetes `IntOrString`). */
export const decimal = v.union(
  [
    v.pipe(v.number(), v.minValue(0, atLeastZero)),
    v.pipe(v.string(), v.regex(/^\d+(?:\.\d+)?$/, atLeastZero)),
  ],
  atLeastZero,
)
/** A port number or the name of a port. */
export const portOrName = v.union([port, filled], 'must be a port number or the name of an inbound')
export const anything = v.unknown()
export const stringMap = v.record(text, v.string('must be a string'), 'must be a map of strings')
