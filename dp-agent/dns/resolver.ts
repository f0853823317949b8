import { answerTo, errorReply, reply } from './answer.ts'
import type { Client, Forwarder } from './forward.ts'
import { type Query, readQuery, recordTypes, responseCodes } from './message.ts'
import type { Records } from './records.ts'

/** What became of queries since the start. */
export interface DnsCounts {
  queries: number
  /** From our records. */
  answered: number
  /** To the nameserver. */
  forwarded: number
  /** Of those, without a response. */
  failed: number
  /** Malformed, or nothing that we do. */
  refused: number
}

export const newDnsCounts = (): DnsCounts => ({
  queries: 0,
  answered: 0,
  forwarded: 0,
  failed: 0,
  refused: 0,
})

/** Answers one message of a client by calling back once; with null there is nothing to say. */
export type Resolve = (
  message: Buffer,
  client: Client,
  respond: (response: Buffer | null) => void,
) => void

export interface ResolverOptions {
  /** Asked for each query: they change. */
  readonly records: () => Records
  readonly forwarder: Pick<Forwarder, 'forward' | 'isOurs'>
  readonly counts: DnsCounts
}

/** Names of ours from our records, everything else from the nameserver. */
export function newResolver({ records, forwarder, counts }: ResolverOptions): Resolve {
  return (message, client, respond) => {
    counts.queries += 1
    const reading = readQuery(message)
    if (reading.kind !== 'query') {
      counts.refused += 1
      respond(reading.kind === 'ignored' ? null : errorReply(message, reading.code))
      return
    }
    const { query } = reading
    if (isTransfer(query)) {
      counts.refused += 1
      respond(reply(query, responseCodes.REFUSED))
      return
    }
    const answer = answerTo(query, records(), client.transport)
    if (answer !== null) {
      counts.answered += 1
      respond(answer)
      return
    }
    const done = (response: Buffer | null): void => {
      if (response === null) counts.failed += 1
      respond(response ?? reply(query, responseCodes.SERVFAIL))
    }
    counts.forwarded += 1
    if (forwarder.isOurs(query, client)) done(null)
    else forwarder.forward(query, client.transport, done)
  }
}

/** A whole zone takes many messages, and is for other nameservers. */
const isTransfer = ({ type }: Query): boolean =>
  type === recordTypes.AXFR || type === recordTypes.IXFR
