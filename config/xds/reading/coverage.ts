import { messageType } from '../proto/table.ts'
import { fail, type Place } from './report.ts'

/** What we make of one type of message. Fields in neither list are refused when they say anything. */
export interface Coverage {
  /** Full name, as in `envoy.config.cluster.v3.Cluster`. */
  readonly message: string
  readonly read: readonly string[]
  /** Fields without effect on traffic here, and why. */
  readonly harmless: Readonly<Record<string, string>>
}

/** Reports every field that says something we would have to honour and do not. */
export function checkFields(place: Place, { message, read, harmless }: Coverage): void {
  for (const [key, value] of Object.entries(place.fields)) {
    if (key.startsWith('@') || read.includes(key) || Object.hasOwn(harmless, key)) continue
    if (!isDefault(value) || isWrappedZero(message, key, value)) {
      fail(place, key, 'is not supported here')
    }
  }
}

/** A zero that is said: `max_verify_depth: 0` is no depth, and absent any. */
const isWrappedZero = (message: string, key: string, value: unknown): boolean =>
  value === 0 && messageType(message)?.byName.get(key)?.scalar === null

/** What proto3 takes an absent field for. An empty message is not nothing: it is a choice. */
const isDefault = (value: unknown): boolean =>
  value === false ||
  value === 0 ||
  value === '' ||
  value === null ||
  (Array.isArray(value) && value.length === 0)
