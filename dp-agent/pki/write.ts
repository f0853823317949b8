import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** A file to be. Secret ones can be read by their owner alone. */
export interface NewFile {
  readonly name: string
  readonly text: string
  readonly secret: boolean
}

/**
 * Writes files into `dir`, made if need be, in order and each at once: a reader sees the old text or the new one. Unless
 * `force`, nothing is written when one of them is there. Returns what went wrong, or null.
 */
export function writeFiles(dir: string, files: readonly NewFile[], force: boolean): string | null {
  const there = force ? undefined : files.find(({ name }) => existsSync(join(dir, name)))
  if (there !== undefined) {
    return `${join(dir, there.name)} is there already; --force replaces it`
  }
  try {
    mkdirSync(dir, { recursive: true })
    for (const file of files) replace(join(dir, file.name), file)
    return null
  } catch (error) {
    return `cannot write to ${dir}: ${error instanceof Error ? error.message : String(error)}`
  }
}

function replace(path: string, { text, secret }: NewFile): void {
  const fresh = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    // Exclusive: nobody can have put a link there.
    const file = openSync(fresh, 'wx', secret ? 0o600 : 0o644)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(fresh, path)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
}
