import { close, constants, open, write } from 'node:fs'
import type { Clock } from '../clock.ts'
import type { LogTransport } from './log-sink.ts'

/** Standard streams are written to by descriptor, which works in every worker. */
const standard: Readonly<Record<string, number>> = {
  '/dev/stdout': 1,
  '/dev/fd/1': 1,
  '/proc/self/fd/1': 1,
  '/dev/stderr': 2,
  '/dev/fd/2': 2,
  '/proc/self/fd/2': 2,
}
/** Not waiting for the reader of a pipe: such an open would hold a thread of libuv's pool for as long as it takes. */
const appendFlags =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
/** How long to wait for a pipe whose reader is slow. */
const retryMs = 20
const maxRetries = 50
const newline = Buffer.from('\n')

interface Job {
  readonly batch: Buffer
  /** Bytes written. */
  from: number
  retries: number
  readonly done: (error: Error | null) => void
}

/** Appends to a file (O_APPEND, so that workers do not write over each other), made with mode 0640 if need be. */
export function fileTransport(path: string, clock: Clock): LogTransport {
  const stream = Object.hasOwn(standard, path) ? (standard[path] as number) : null
  let fd = stream
  const forget = (): void => {
    if (stream !== null || fd === null) return
    close(fd, () => {})
    fd = null
  }
  let reopening = false
  /** The last batch got through in part: the next one begins on a line of its own. */
  let torn = false
  const writeRest = (to: number, job: Job): void => {
    const { batch, from } = job
    write(to, batch, from, batch.length - from, null, (error, written) => {
      if (error === null) {
        job.from += written
        if (job.from < batch.length) return writeRest(to, job)
        torn = false
        job.done(null)
      } else if (error.code === 'EAGAIN' && job.retries < maxRetries) {
        job.retries += 1
        clock.after(retryMs, () => writeRest(to, job))
      } else {
        torn ||= from > 0
        job.done(error)
      }
    })
  }
  return {
    send(lines, done) {
      const batch = torn ? Buffer.concat([newline, lines]) : lines
      const job: Job = { batch, from: 0, retries: 0, done }
      if (reopening) forget()
      reopening = false
      if (fd !== null) {
        writeRest(fd, job)
        return
      }
      open(path, appendFlags, 0o640, (error, opened) => {
        if (error !== null) done(error)
        else {
          fd = opened
          writeRest(opened, job)
        }
      })
    },
    reopen() {
      reopening = true
    },
    close: forget,
  }
}
