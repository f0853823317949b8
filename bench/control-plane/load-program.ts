import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { Seen } from './load.ts'

const callers = 8
const pauseMs = 2

const app = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
await once(app, 'listening')
const agent = new Agent({ keepAlive: true, maxSockets: callers })
let latencies: number[] = []
let reasons = new Map<string, number>()

process.on('message', (message: { readonly port: number } | 'look') => {
  if (message !== 'look') for (let i = 0; i < callers; i += 1) void call(message.port)
  else process.send?.(look())
})
process.once('disconnect', () => process.exit(0))
process.send?.((app.address() as { readonly port: number }).port)

async function call(port: number): Promise<never> {
  for (;;) {
    const startedAt = performance.now()
    const wrong = await ask(port)
    latencies.push(performance.now() - startedAt)
    if (wrong !== null) reasons.set(wrong, (reasons.get(wrong) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

function look(): Seen {
  const sorted = latencies.sort((a, b) => a - b)
  const seen = {
    requests: sorted.length,
    failed: [...reasons.values()].reduce((sum, n) => sum + n, 0),
    reasons: [...reasons],
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    maxMs: sorted.at(-1) ?? 0,
  }
  latencies = []
  reasons = new Map()
  return seen
}

/** Null when it is answered with 200. */
function ask(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, agent }, (answer) => {
      answer.resume().on('end', () => {
        resolve(answer.statusCode === 200 ? null : String(answer.statusCode))
      })
      answer.on('error', (error) => resolve(error.message))
    })
    asked.on('error', (error) => resolve(error.message))
    asked.end()
  })
}
