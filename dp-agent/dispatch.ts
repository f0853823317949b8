import { nearest } from '../config/nearest.ts'
import { commandHelp, overview } from './cli/help.ts'
import {
  type Command,
  type Environment,
  type Options,
  readArguments,
  type Values,
} from './cli/parse.ts'
import { type CommandName, commands } from './options.ts'
import type { SignalSource } from './signals.ts'

/** What a command may use of the process. */
export interface Terminal {
  /** Results. */
  readonly out: (text: string) => void
  /** The log, and what is wrong. */
  readonly err: (text: string) => void
  /** Whether a person reads `err`. */
  readonly errIsTerminal: boolean
  readonly env: Environment
  readonly signals: SignalSource
  readonly version: string
}

/** Understands a command line and runs its command. Resolves to the exit code. */
export async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = argv
  if (first === '--version' || first === '-V') {
    terminal.out(`outrider ${terminal.version} (node ${process.version})\n`)
    return 0
  }
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const asked = first !== undefined
    const print = asked ? terminal.out : terminal.err
    print(overview(commands))
    return asked ? 0 : 2
  }
  const name = Object.keys(commands).find((known): known is CommandName => known === first)
  if (name === undefined) {
    const meant = nearest(first, Object.keys(commands))
    return usage(terminal, [
      `unknown command "${first}"${meant === null ? '' : `; did you mean "${meant}"?`}`,
    ])
  }
  if (asksForHelp(rest)) {
    terminal.out(commandHelp(name, commands[name]))
    return 0
  }
  switch (name) {
    case 'run':
      return runWith(
        commands.run,
        name,
        rest,
        terminal,
        async () => (await import('./commands/run.ts')).runSidecar,
      )
    case 'validate':
      return runWith(
        commands.validate,
        name,
        rest,
        terminal,
        async () => (await import('./commands/validate.ts')).runValidate,
      )
    case 'explain':
      return runWith(
        commands.explain,
        name,
        rest,
        terminal,
        async () => (await import('./commands/explain.ts')).runExplain,
      )
    default:
      return name satisfies never
  }
}

/** What a command does with its options; a text instead of an exit code is a mistake in its usage. */
export type Run<O extends Options> = (
  options: Values<O>,
  positionals: readonly string[],
  terminal: Terminal,
) => Promise<number | string>

/** Each command is loaded when it is asked for: help and mistakes answer at once. */
async function runWith<O extends Options>(
  command: Command<O>,
  name: string,
  argv: readonly string[],
  terminal: Terminal,
  load: () => Promise<Run<O>>,
): Promise<number> {
  const given = readArguments(command, argv, terminal.env)
  if (!given.ok) return usage(terminal, given.messages, name)
  const run = await load()
  const result = await run(given.values, given.positionals, terminal)
  return typeof result === 'number' ? result : usage(terminal, [result], name)
}

function usage(terminal: Terminal, messages: readonly string[], name: string = ''): number {
  const command = name === '' ? 'outrider' : `outrider ${name}`
  for (const message of messages) terminal.err(`${command}: ${message}\n`)
  terminal.err(`see ${command} --help\n`)
  return 2
}

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  const before = end < 0 ? argv : argv.slice(0, end)
  return before.includes('--help') || before.includes('-h')
}
