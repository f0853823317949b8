import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that only we can look into. */
export interface TemporaryDirectory {
  readonly path: string
  /** Resolves when it is gone, and with it the process that would have removed it. */
  remove(): Promise<void>
}

/**
 * Makes a directory that goes when we do, even when we are killed: it holds keys. A shell waits for the end of a pipe
 * that nobody else holds open, and then removes it; in a session of its own, since Ctrl-C is not meant for it.
 */
export function temporaryDirectory(prefix: string): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), prefix))
  const keeper = spawn('/bin/sh', ['-c', 'read -r _; rm -rf -- "$1"', 'sh', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const gone = new Promise<void>((resolve) => {
    keeper.once('exit', () => resolve())
    // Without a shell there is nobody to wait for.
    keeper.once('error', () => resolve())
  })
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true })
      keeper.stdin.end()
      return gone
    },
  }
}
