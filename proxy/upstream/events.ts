import type { Exchange } from '../exchange.ts'
import type { ResponseFlag } from '../telemetry/response-flags.ts'

/**
 * What a try tells the router. One constant record for all exchanges: upstream codecs stand below the router and
 * know it only by this. Calls for an exchange end with `onEnd` or `onFailed`, once.
 */
export interface UpstreamEvents {
  /** It has a connection and the head is on its way; the body may follow through `x.upstream`. */
  onSent(x: Exchange): void
  /** The line of waiting requests is full. */
  onOverflow(x: Exchange): void
  /** 100 to 199, but 101. */
  onInformational(x: Exchange, status: number, headers: string[]): void
  /** `bodyLength` as in `Exchange`; for 101 and a 2xx to CONNECT the bytes that follow are a tunnel's. */
  onHead(x: Exchange, status: number, headers: string[], bodyLength: number): void
  onData(x: Exchange, chunk: Buffer): void
  onEnd(x: Exchange, trailers: readonly string[] | null): void
  /** All bytes of one read have been told: a good moment to write. */
  onFlush(x: Exchange): void
  /** There is room again after `flush` said false. */
  onDrain(x: Exchange): void
  /** `untouched`: it died before any byte of an answer, on a connection that had served before. */
  onFailed(x: Exchange, flag: ResponseFlag, detail: string, untouched: boolean): void
}
