import { Worker } from 'node:worker_threads'
import type { InheritedSockets } from '../inherited-sockets.ts'
import type { FromWorker, SpawnWorker, ThreadSetup } from './messages.ts'

/** Three semi-spaces of 4 MB: measured on a churning worker, 28 MB less resident memory than the default for 4% more CPU. */
const youngGenerationMb = 12

/**
 * Starts a thread that runs `worker.ts` (`worker.js` in a build). It inherits neither flags nor environment: a test
 * runner's loader has no place in the data path, nor have the process's secrets. Each has inherited sockets of its own.
 */
export const spawnThreads =
  (sockets: InheritedSockets): SpawnWorker =>
  (setup, events) => {
    const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js'
    const thread = new Worker(new URL(`../worker.${extension}`, import.meta.url), {
      workerData: { ...setup, inherited: sockets.take() } satisfies ThreadSetup,
      name: `worker-${setup.index}`,
      execArgv: [],
      env: {},
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    })
    let reason: string | null = null
    let before = thread.performance.eventLoopUtilization()
    thread.on('message', (message: FromWorker) => events.onMessage(message))
    thread.on('error', (error) => {
      reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
    thread.on('exit', (code) => events.onExit(reason ?? `exit code ${code}`))
    return {
      post: (message) => thread.postMessage(message),
      utilization() {
        const now = thread.performance.eventLoopUtilization()
        const since = thread.performance.eventLoopUtilization(now, before)
        before = now
        return since.utilization
      },
      terminate: () => void thread.terminate(),
    }
  }
