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
  /** Path of the program, for commands that start it again. */
  readonly program: string
  /** Where the package lies. */
  readonly root: string
  /** Whether `out` may be coloured. */
  readonly colour: boolean
}

/** Understands a command line and runs its command. Resolves to the exit code. */
export async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [first = '', second = ''] = argv
  if (first === '--version' || first === '-V') {
    terminal.out(`outrider ${terminal.version} (node ${process.version})\n`)
    return 0
  }
  if (first === '' || first === '--help' || first === '-h' || first === 'help') {
    const print = first === '' ? terminal.err : terminal.out
    print(overview(commands))
    return first === '' ? 2 : 0
  }
  const name = names.find((known) => known === first || known === `${first} ${second}`)
  if (name === undefined) return usage(terminal, [unknownCommand(first)])
  const rest = argv.slice(name.split(' ').length)
  if (asksForHelp(rest)) {
    terminal.out(commandHelp(name, commands[name]))
    return 0
  }
  return runNamed(name, rest, terminal)
}

const names = Object.keys(commands).filter((name): name is CommandName => name in commands)

/** Each command is loaded when it is asked for: help and mistakes answer at once. */
function runNamed(name: CommandName, argv: readonly string[], terminal: Terminal): Promise<number> {
  const by = <O extends Options>(command: Command<O>, load: () => Promise<Run<O>>) =>
    runWith(command, name, argv, terminal, load)
  switch (name) {
    case 'run':
      return by(commands.run, async () => (await import('./commands/run.ts')).runSidecar)
    case 'feed serve':
      return by(commands[name], async () => (await import('./commands/feed-serve.ts')).runFeedServe)
    case 'demo':
      return by(commands.demo, async () => (await import('./commands/demo.ts')).runDemo)
    case 'validate':
      return by(commands.validate, async () => (await import('./commands/validate.ts')).runValidate)
    case 'explain':
      return by(commands.explain, async () => (await import('./commands/explain.ts')).runExplain)
    case 'pki init':
      return by(commands[name], async () => (await import('./commands/pki.ts')).runInit)
    case 'pki issue':
      return by(commands[name], async () => (await import('./commands/pki.ts')).runIssue)
    case 'pki show':
      return by(commands[name], async () => (await import('./commands/pki.ts')).runShow)
    default:
      return name satisfies never
  }
}

function unknownCommand(word: string): string {
  const group = names.filter((name) => name.startsWith(`${word} `))
  if (group.length > 0) return `say which: ${group.join(', ')}`
  const meant = nearest(word, names)
  return `unknown command "${word}"${meant === null ? '' : `; did you mean "${meant}"?`}`
}

/** What a command does with its options; a text instead of an exit code is a mistake in its usage. */
export type Run<O extends Options> = (
  options: Values<O>,
  positionals: readonly string[],
  terminal: Terminal,
) => Promise<number | string>

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
