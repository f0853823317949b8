import type {
  FromWorker,
  SpawnWorker,
  ToWorker,
  WorkerSetup,
} from '../../dp-agent/worker/messages.ts'

/** A worker that does what the test says; see `fakeSpawn`. */
export interface FakeWorker {
  readonly setup: WorkerSetup
  /** What it was told, in order. */
  readonly told: ToWorker[]
  say(message: FromWorker): void
  exit(reason: string): void
  terminated: boolean
}

/** A `spawn` whose workers do nothing by themselves. Terminating one makes it exit. */
export function fakeSpawn(): { readonly spawn: SpawnWorker; readonly workers: FakeWorker[] } {
  const workers: FakeWorker[] = []
  const spawn: SpawnWorker = (setup, events) => {
    const worker: FakeWorker = {
      setup,
      told: [],
      say: (message) => events.onMessage(structuredClone(message)),
      exit: (reason) => events.onExit(reason),
      terminated: false,
    }
    workers.push(worker)
    return {
      post: (message) => void worker.told.push(structuredClone(message)),
      utilization: () => 0.25,
      terminate() {
        worker.terminated = true
        worker.exit('terminated')
      },
    }
  }
  return { spawn, workers }
}

/** Answers the last unanswered question of that kind. */
export function answerLast(
  worker: FakeWorker,
  fields: Partial<Extract<FromWorker, { kind: 'answer' }>>,
): void {
  const asked = worker.told.findLast((message) => message.kind === 'ask')
  if (asked?.kind !== 'ask') throw new Error('the worker was not asked')
  worker.say({
    kind: 'answer',
    id: asked.id,
    pulse: null,
    stats: null,
    inspection: null,
    ...fields,
  })
}
