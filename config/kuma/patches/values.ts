import { isIP } from 'node:net'
import { isRecord } from '../../../proxy/problems.ts'

/** Milliseconds of a `google.protobuf.Duration` in its JSON form, `1.5s`; null when it is none. */
export function protoMs(value: unknown): number | null {
  if (typeof value !== 'string' || !/^\d+(?:\.\d+)?s$/.test(value)) return null
  return Math.min(Math.round(Number.parseFloat(value) * 1_000), 2_147_483_647)
}

/** A whole number from one to another; null when it is none. */
export const wholeNumber =
  (from: number, to = 4_294_967_295) =>
  (value: unknown): number | null =>
    typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to
      ? value
      : null

/** `true` or `false`; null when it is neither. */
export const trueOrFalse = (value: unknown): boolean | null =>
  typeof value === 'boolean' ? value : null

/** Text that is not empty; null when it is none. */
export const someText = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null

/** An IP address; null when it is none. */
export const ipAddress = (value: unknown): string | null =>
  typeof value === 'string' && isIP(value) !== 0 ? value : null

/** A list of maps; null when it is none. */
export const mapsOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] | null =>
  Array.isArray(value) && value.every(isRecord) ? value : null

/** What a setting does to a resource; null when the value is not understood. */
export type Apply<R> = (resource: R, value: unknown) => R | null

/** Sets one field from a value that is read by `read`. */
export const field =
  <R, K extends keyof R>(key: K, read: (value: unknown) => R[K] | null): Apply<R> =>
  (resource, value) => {
    const result = read(value)
    return result === null ? null : { ...resource, [key]: result }
  }
