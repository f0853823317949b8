import type { Work } from '../../../proxy/pace.ts'
import type { SourceProblem } from '../../source.ts'
import type { Finding } from '../reading/report.ts'
import type { ResourceKind } from './resource-type.ts'

/** A resource as it came. */
export interface Incoming {
  /** Empty where it stands in the message alone. */
  readonly name: string
  /** Of the whole type where the protocol knows no other. */
  readonly version: string
  /** The message. */
  readonly bytes: Uint8Array
}

/** A resource that stands in a file of ours. */
export interface Fixed extends Incoming {
  readonly kind: ResourceKind
  /** A finding about it, with its place in the file. */
  problem(finding: Finding): SourceProblem
}

/** A resource that was not taken, and why. */
export interface Refusal {
  readonly kind: ResourceKind
  readonly name: string
  readonly findings: readonly Finding[]
}

/** What a conversation with a control plane is about: the resources we have and those we need. */
export interface Inventory {
  /** The versions of what we have, by name. */
  versions(kind: ResourceKind): ReadonlyMap<string, string>
  /** The names that others refer to; not for kinds of which all are asked for. */
  wanted(kind: ResourceKind): ReadonlySet<string>
  /**
   * Takes new versions in and removes others; what is refused is given back, and its last good version stays. `complete`:
   * what is not among `put` is gone, too.
   */
  take(
    kind: ResourceKind,
    put: readonly Incoming[],
    removed: readonly string[] | 'complete',
  ): Work<readonly Refusal[]>
}

/** One stream's worth of conversation, without a socket: bytes of responses in, requests out, as `encodeMessage` takes them. */
export interface Session {
  /** Name of the method and of the message of its requests. */
  readonly method: string
  readonly requestType: string
  /** What is to be said now: everything at first, then what is needed besides and what no longer is. */
  ask(): readonly Readonly<Record<string, unknown>>[]
  receive(bytes: Uint8Array): Work<Reaction>
}

/** What came of a response. */
export interface Reaction {
  readonly requests: readonly Readonly<Record<string, unknown>>[]
  readonly kind: ResourceKind | null
  readonly refusals: readonly Refusal[]
  /** Why the stream cannot go on. */
  readonly fatal: string | null
}
