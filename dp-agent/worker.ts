import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../proxy/clock.ts'
import { createProxy } from '../proxy/proxy.ts'
import { serveWorker } from './worker/serve.ts'

// What `spawnThreads` runs in a thread of its own: a data path that does as the agent says.
if (parentPort !== null) {
  const port = parentPort
  const receive = serveWorker({
    setup: workerData,
    clock: systemClock,
    port: { post: (message) => port.postMessage(message), close: () => port.close() },
    create: createProxy,
    heapUsedBytes: () => getHeapStatistics().used_heap_size,
  })
  port.on('message', receive)
}
