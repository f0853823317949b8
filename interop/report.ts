import { setTimeout as delay } from 'node:timers/promises'

/** What came of looking. */
export interface Seen {
  readonly ok: boolean
  /** For the line that is printed. */
  readonly what: string
}

/** A control plane works things out every second or so, and tells them after that. */
const patienceMs = 30_000

/** Prints a line a check, and counts those that failed. */
export interface Report {
  readonly failures: number
  line(name: string, seen: Seen): void
  /** Looks until it is as it should be; the line says what was seen last. False when it never was. */
  until(name: string, look: () => Promise<Seen>): Promise<boolean>
}

/** Names are written `width` letters wide. */
export function newReport(width = 24): Report {
  let failures = 0
  const line = (name: string, { ok, what }: Seen): void => {
    if (!ok) failures += 1
    console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}${what}`)
  }
  return {
    get failures() {
      return failures
    },
    line,
    async until(name, look) {
      const deadline = performance.now() + patienceMs
      let seen = await look()
      while (!seen.ok && performance.now() < deadline) {
        await delay(250)
        seen = await look()
      }
      line(name, seen)
      return seen.ok
    },
  }
}
