import { join } from 'node:path'
import { startDemo } from '../demo/demo.ts'
import type { Terminal } from '../dispatch.ts'
import type { DemoOptions } from '../options.ts'

/** `outrider demo`: a whole mesh on loopback, until Ctrl-C. */
export async function runDemo(
  { portOffset }: DemoOptions,
  _positionals: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const ended = Promise.withResolvers<number>()
  const onSignal = (): void => ended.resolve(0)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    terminal.signals.on(signal, onSignal)
  const starting = startDemo({
    program: terminal.program,
    demoConfig: join(terminal.root, 'config', 'demo'),
    portOffset,
    colour: terminal.colour,
    out: terminal.out,
    err: terminal.err,
  })
  // A signal that comes while it starts waits for what there is to clean up.
  const demo = await starting
  if (demo === null) return 1
  void demo.broken.then((why) => {
    terminal.err(`outrider demo: ${why}\n`)
    ended.resolve(1)
  })
  const code = await ended.promise
  await demo.stop()
  return code
}
