/** Go's duration syntax without a sign: `1h30m`, `250ms`, `1.5s`, `0`. Source: Go `time.ParseDuration`. */
export const durationPattern = /^(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** The longest a timer can wait, 24.8 days; whoever asks for more will hardly notice. */
export const longestMs = 2_147_483_647

/** Milliseconds of a duration that matches `durationPattern`, rounded; a positive one is never rounded to 0 (which is "off"). */
export function durationMs(text: string): number {
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  }
  return total > 0 ? Math.min(Math.max(1, Math.round(total)), longestMs) : 0
}
