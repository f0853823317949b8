import { Agent, request } from 'node:http'

/** Requests one after the other on some connections, at a pace that leaves the machine time. */
export interface Pace {
  /** What has been seen since the last look; forgets it. */
  look(): Seen
  stop(): Promise<void>
}

export interface Seen {
  readonly requests: number
  readonly failed: number
  /** Of those failed, by what came instead. */
  readonly reasons: ReadonlyMap<string, number>
  readonly p99Ms: number
}

const callers = 8
const pauseMs = 2

export function pace(port: number): Pace {
  const agent = new Agent({ keepAlive: true, maxSockets: callers })
  let latencies: number[] = []
  let reasons = new Map<string, number>()
  let on = true
  const loops = Array.from({ length: callers }, async () => {
    while (on) {
      const startedAt = performance.now()
      const wrong = await ask(agent, port)
      latencies.push(performance.now() - startedAt)
      if (wrong !== null) reasons.set(wrong, (reasons.get(wrong) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  })
  return {
    look() {
      const sorted = latencies.sort((a, b) => a - b)
      const seen = {
        requests: sorted.length,
        failed: [...reasons.values()].reduce((sum, n) => sum + n, 0),
        reasons,
        p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      }
      latencies = []
      reasons = new Map()
      return seen
    },
    async stop() {
      on = false
      await Promise.all(loops)
      agent.destroy()
    },
  }
}

/** Null when it is answered with 200. */
function ask(agent: Agent, port: number): Promise<string | null> {
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
