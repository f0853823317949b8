import { networkInterfaces } from 'node:os'
import { isRecord } from '../../proxy/problems.ts'
import type { Exchange, Headers } from './case.ts'

/** A place where two things are not the same, and what is there; `undefined` is nothing. */
export interface Difference {
  readonly at: string
  readonly envoy: unknown
  readonly outrider: unknown
}

/** Said by each in its own way and of no meaning for what is compared: docs/differences.md has them. */
const unheeded = new Set([
  'date',
  'server', // Envoy says its own name, Outrider passes on the application's
  'x-envoy-upstream-service-time',
  'x-envoy-expected-rq-timeout-ms', // time limits of callers are not looked at
  'x-envoy-attempt-count',
  // Framing, and what is said from hop to hop.
  ...['connection', 'keep-alive', 'transfer-encoding'],
])

/** What is compared of an exchange: values that are made by chance say only that they are there. */
export const comparable = ({ answers, closed, arrivals }: Exchange): Exchange => ({
  answers: answers.map((one) => ({
    ...one,
    headers: heeded(one.headers),
  })),
  closed,
  arrivals: arrivals.map((one) => ({ ...one, headers: heeded(one.headers) })),
})

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Of a caller from loopback Envoy says the address of this machine. */
const own = new Set(
  Object.values(networkInterfaces())
    .flat()
    .map((one) => one?.address),
)

/** A value that is another each time, or on each machine, by what it is. */
function said(name: string, value: string): string {
  if (uuid.test(value)) return '(a UUID)'
  if (name !== 'x-forwarded-for') return value
  return value.replace(/[^,\s]+$/, (last) => (own.has(last) ? '(the caller)' : last))
}

const heeded = (headers: Headers): Headers =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !unheeded.has(name))
      .map(([name, values]) => [name, values.map((value) => said(name, value))]),
  )

/** Every place where they differ, such as `0.answers.0.headers.location`. */
export function differences(envoy: unknown, outrider: unknown, at = ''): readonly Difference[] {
  if (Array.isArray(envoy) && Array.isArray(outrider)) {
    return differences({ ...envoy }, { ...outrider }, at)
  }
  if (!isRecord(envoy) || !isRecord(outrider)) {
    return Object.is(envoy, outrider) ? [] : [{ at, envoy, outrider }]
  }
  const names = new Set([...Object.keys(envoy), ...Object.keys(outrider)])
  return [...names].flatMap((name) =>
    differences(envoy[name], outrider[name], at === '' ? name : `${at}.${name}`),
  )
}
