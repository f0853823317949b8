import type { Exchange } from '../exchange.ts'

/** One compiled access log: renders a finished exchange and hands the line to its sink. */
export interface LogLine {
  write(x: Exchange): void
}
