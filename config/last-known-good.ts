import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** Of this layout; a file of another one is not read. */
const layout = 1
const maxBytes = 268_435_456

/** A configuration as it was accepted, kept over restarts. */
export interface Kept<S> {
  /** Unix ms. */
  readonly savedAt: number
  readonly state: S
}

/** Where the last good configuration of one proxy lies. */
export interface LastKnownGood<S> {
  /** Null when there is none; throws when there is one that cannot be used. */
  load(): Kept<S> | null
  /** Written beside, made durable, then put in place: a crash leaves the old one or the new one. Mode 0600. Throws on a full disk. */
  save(kept: Kept<S>): void
}

/** `check` turns what was read into a state, or throws. `owner` (`mesh/name`) guards against the file of another proxy. */
export function lastKnownGood<S>(
  dir: string,
  owner: string,
  check: (raw: unknown) => S,
): LastKnownGood<S> {
  const path = join(dir, 'last-known-good.json')
  return {
    load() {
      let text: string
      try {
        text = readFileSync(path, 'utf8')
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
        throw error
      }
      const raw: unknown = JSON.parse(text)
      if (typeof raw !== 'object' || raw === null) throw new Error('is not an object')
      const { layout: found, owner: whose, savedAt, state } = raw as Record<string, unknown>
      if (found !== layout) throw new Error(`has layout ${found}, not ${layout}`)
      if (whose !== owner) throw new Error(`belongs to ${whose}, not to ${owner}`)
      if (typeof savedAt !== 'number') throw new Error('does not say when it was saved')
      return { savedAt, state: check(state) }
    },
    save({ savedAt, state }) {
      const text = JSON.stringify({ layout, owner, savedAt, state })
      if (text.length > maxBytes) throw new Error(`is longer than ${maxBytes} characters`)
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      const beside = `${path}.new`
      const file = openSync(beside, 'w', 0o600)
      try {
        // All of it or an error: a single write to a full disk may come up short and say nothing.
        writeFileSync(file, text)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      renameSync(beside, path)
    },
  }
}
