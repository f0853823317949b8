import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { CpuProfile } from './cpuprofile.ts'

/** A running Node program under V8's sampling profiler, every thread of it. */
export interface Recording {
  /** The profiles of the main thread and then of each worker, from `record` to now. */
  stop(): Promise<readonly CpuProfile[]>
}

/** A message of the inspector, either way, as far as it is read here. */
interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly sessionId: string; readonly message: string }
  readonly result?: { readonly profile?: CpuProfile }
  readonly error?: { readonly message: string }
}

interface Inspector {
  readonly socket: WebSocket
  /** The threads that can be asked: null is the main thread, others are sessions of workers. */
  readonly threads: (string | null)[]
  readonly waiting: Map<number, (message: Message) => void>
  lastId: number
}

/**
 * Starts profilers in a program that was started with `--inspect`; `url` is what it printed. Unlike `--cpu-prof` this
 * reaches workers that were given flags of their own, and leaves out start and stop.
 * Source: Chrome DevTools Protocol, `Profiler`; Node's domain `NodeWorker`.
 */
export async function record(url: string): Promise<Recording> {
  const socket = new WebSocket(url)
  const inspector: Inspector = { socket, threads: [null], waiting: new Map(), lastId: 0 }
  socket.addEventListener('message', ({ data }) => receive(inspector, JSON.parse(data)))
  await once(socket, 'open')
  await ask(inspector, null, 'NodeWorker.enable', { waitForDebuggerOnStart: false })
  await delay(200) // workers announce themselves one by one
  const everywhere = (method: string, params: object): Promise<Message[]> =>
    Promise.all(inspector.threads.map((thread) => ask(inspector, thread, method, params)))
  await everywhere('Profiler.enable', {})
  await everywhere('Profiler.setSamplingInterval', { interval: 200 })
  await everywhere('Profiler.start', {})
  return {
    stop: async () => {
      const answers = await everywhere('Profiler.stop', {})
      socket.close()
      return answers.map(({ result }) => result?.profile).filter((profile) => profile !== undefined)
    },
  }
}

function ask(
  inspector: Inspector,
  thread: string | null,
  method: string,
  params: object,
): Promise<Message> {
  const id = ++inspector.lastId
  const message = JSON.stringify({ id, method, params })
  if (thread === null) inspector.socket.send(message)
  else {
    const envelope = { sessionId: thread, message }
    void ask(inspector, null, 'NodeWorker.sendMessageToWorker', envelope) // the worker's answer is awaited instead
  }
  return new Promise((resolve, reject) => {
    inspector.waiting.set(id, (answer) => {
      if (answer.error) reject(new Error(`${method}: ${answer.error.message}`))
      else resolve(answer)
    })
  })
}

function receive(inspector: Inspector, message: Message): void {
  const { id, method, params } = message
  if (id !== undefined) {
    inspector.waiting.get(id)?.(message)
    inspector.waiting.delete(id)
  } else if (method === 'NodeWorker.attachedToWorker' && params) {
    inspector.threads.push(params.sessionId)
  } else if (method === 'NodeWorker.receivedMessageFromWorker' && params) {
    receive(inspector, JSON.parse(params.message))
  }
}
