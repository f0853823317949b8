import type { Ask, Lab } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import { answeringGrpc } from '../../support/scripted-service.ts'
import { pauses } from './retry-drives.ts'

const asGrpc: Ask = { method: 'POST', headers: { 'content-type': 'application/grpc' } }

/** The gRPC status the caller gets after these, and how often the service was asked. */
async function calls(lab: Lab, ...statuses: readonly number[]): Promise<unknown> {
  const { backend } = lab.services
  lab.clock.setRandom([0])
  backend.answer = answeringGrpc(...statuses)
  const { headers } = await lab.settled(lab.ask('/lab.Echo/Unary', asGrpc))
  return { status: headers['grpc-status'], tries: backend.arrivals.length }
}

/** The status of a call that is not answered, and the ms until it was given up. */
async function unansweredCall(lab: Lab): Promise<unknown> {
  const { backend } = lab.services
  backend.answer = () => {}
  const answer = lab.ask('/lab.Echo/Unary', asGrpc)
  await lab.until(() => backend.arrivals.length === 1)
  const afterMs = lab.passed(lab.idle, 20_000)
  if (afterMs === null) return 'still waiting after 20 s'
  return { status: (await lab.settled(answer)).headers['grpc-status'], afterMs }
}

/** A status of `grpc.retryOn`. */
const onGrpc = (word: string, status: number): PolicyRow => ({
  field: 'grpc.retryOn',
  shows: `${word} is tried again`,
  protocol: 'grpc',
  set: `{grpc: {retryOn: [${word}]}}`,
  unset: '{grpc: {retryOn: []}}',
  drive: (lab) => calls(lab, status, 0),
  expect: { status: '0', tries: 2 },
  otherwise: { status: String(status), tries: 1 },
})

/** MeshRetry `grpc`. */
export const grpcRows: readonly PolicyRow[] = [
  {
    field: 'grpc.numRetries',
    shows: 'so many further tries are made',
    protocol: 'grpc',
    set: '{grpc: {numRetries: 3}}',
    unset: '{grpc: {}}',
    drive: (lab) => calls(lab, 14, 14, 14, 0),
    expect: { status: '0', tries: 4 },
    otherwise: { status: '14', tries: 2 },
  },
  {
    field: 'grpc.perTryTimeout',
    shows: 'a call not answered by then ends: it may have been acted on, so it is not made again',
    protocol: 'grpc',
    set: '{grpc: {perTryTimeout: 2s}}',
    unset: '{grpc: {}}',
    drive: unansweredCall,
    expect: { status: '4', afterMs: 2_000 },
    otherwise: 'still waiting after 20 s',
  },
  {
    field: 'grpc.backOff.baseInterval',
    shows: 'pauses grow from it, up to ten times as long',
    protocol: 'grpc',
    set: '{grpc: {numRetries: 3, backOff: {baseInterval: 1s}}}',
    unset: '{grpc: {numRetries: 3}}',
    drive: (lab) => pauses(lab, 3, {}, asGrpc),
    expect: [500, 1_500, 3_500],
    otherwise: [50, 50, 100],
  },
  {
    field: 'grpc.backOff.maxInterval',
    shows: 'no pause is longer',
    protocol: 'grpc',
    set: '{grpc: {numRetries: 3, backOff: {baseInterval: 1s, maxInterval: 2s}}}',
    unset: '{grpc: {numRetries: 3, backOff: {baseInterval: 1s}}}',
    drive: (lab) => pauses(lab, 3, {}, asGrpc),
    expect: [500, 1_000, 1_000],
    otherwise: [500, 1_500, 3_500],
  },
  {
    field: 'grpc.rateLimitedBackOff.resetHeaders[].name',
    shows: 'the pause is the one the answer asks for, and up to half as much again',
    protocol: 'grpc',
    set: '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
    unset: '{grpc: {}}',
    drive: (lab) => pauses(lab, 1, { 'retry-after': '4' }, asGrpc),
    expect: [5_000],
    otherwise: [50],
  },
  {
    field: 'grpc.rateLimitedBackOff.resetHeaders[].format',
    shows: 'UnixTimestamp is a time of day',
    protocol: 'grpc',
    set: '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: X-RateLimit-Reset, format: UnixTimestamp}]}}}',
    unset:
      '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: X-RateLimit-Reset, format: Seconds}]}}}',
    drive: (lab) => {
      lab.clock.setWall(1_700_000_000_000)
      return pauses(lab, 1, { 'x-ratelimit-reset': '1700000004' }, asGrpc)
    },
    expect: [5_000],
    otherwise: [50],
  },
  {
    field: 'grpc.rateLimitedBackOff.maxInterval',
    shows: 'an answer that asks for a longer pause is not heard',
    protocol: 'grpc',
    set: '{grpc: {rateLimitedBackOff: {maxInterval: 10s, resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
    unset: '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
    drive: (lab) => pauses(lab, 1, { 'retry-after': '200' }, asGrpc),
    expect: [50],
    otherwise: [250_000],
  },
  onGrpc('Canceled', 1),
  onGrpc('DeadlineExceeded', 4),
  onGrpc('ResourceExhausted', 8),
  onGrpc('Internal', 13),
  onGrpc('Unavailable', 14),
]
