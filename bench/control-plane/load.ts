import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** An application, and requests one after the other on some connections, in a process of their own. */
export interface Load {
  /** Of the application. */
  readonly app: number
  /** Begins to send to the sidecar. */
  start(port: number): void
  /** What has been seen since the last look; forgets it. */
  look(): Promise<Seen>
  stop(): void
}

export interface Seen {
  readonly requests: number
  readonly failed: number
  /** Of those failed, by what came instead. */
  readonly reasons: readonly (readonly [string, number])[]
  readonly p99Ms: number
  readonly maxMs: number
}

export async function startLoad(): Promise<Load> {
  const child: ChildProcess = fork(new URL('load-program.ts', import.meta.url), [], {
    execArgv: [],
  })
  const heard = async <T>(): Promise<T> => (await once(child, 'message'))[0] as T
  const app = await heard<number>()
  return {
    app,
    start: (port) => void child.send({ port }),
    look() {
      const seen = heard<Seen>()
      child.send('look')
      return seen
    },
    stop: () => void child.kill(),
  }
}
