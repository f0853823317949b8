import { join, relative } from 'node:path'
import { startDemo } from '../demo/demo.ts'
import type { Terminal } from '../dispatch.ts'
import type { DemoOptions } from '../options.ts'

/** `outrider demo`: a whole mesh on loopback, until Ctrl-C. */
export async function runDemo(
  { portOffset, verbose }: DemoOptions,
  _positionals: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const signalled = new Promise<0>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      terminal.signals.on(signal, () => resolve(0))
  })
  const demo = startDemo({
    program: terminal.program,
    resources: shortest(join(terminal.root, 'config', 'demo')),
    portOffset,
    verbose,
    colour: terminal.colour,
    out: terminal.out,
    err: terminal.err,
  })
  const broken = demo.broken.then((why) => {
    terminal.err(`outrider demo: ${why}\n`)
    return 1
  })
  const code = await Promise.race([signalled, broken])
  await demo.stop()
  return code
}

/** As a reader would write it: relative when it lies below where they stand. */
function shortest(path: string): string {
  const fromHere = relative('', path)
  return fromHere.startsWith('..') ? path : fromHere
}
