import type { Option } from './option.ts'
import type { Command } from './parse.ts'

type Commands = Readonly<Record<string, Command>>

/** Exit codes of every command; `docs/cli.md` shows them too. */
export const exitCodes = {
  0: 'clean stop, or nothing wrong',
  1: 'the configuration is wrong',
  2: 'the command line is wrong',
  3: 'an address could not be bound',
  70: 'a mistake of our own',
} as const

/** What `outrider --help` prints. */
export function overview(commands: Commands): string {
  const rows = Object.entries(commands).map(([name, command]) => [name, command.summary] as const)
  return [
    'outrider: a sidecar proxy in pure Node.js',
    '',
    'usage: outrider <command> [options]',
    '',
    ...columns(rows),
    '',
    '`outrider <command> --help` lists the options of a command.',
    `exit codes: ${Object.entries(exitCodes)
      .map(([code, meaning]) => `${code} ${meaning}`)
      .join('; ')}`,
    '',
  ].join('\n')
}

/** What `outrider <command> --help` prints. */
export function commandHelp(name: string, command: Command): string {
  const all = Object.values<Option<unknown>>(command.options)
  const rows = all
    .filter((row) => row.inert === null)
    .map((row) => [signature(row), details(row)] as const)
  return [
    `outrider ${name}: ${command.summary}`,
    '',
    `usage: outrider ${name}${command.positionals === null ? '' : ` ${command.positionals}`}${rows.length === 0 ? '' : ' [options]'}`,
    '',
    ...columns(rows),
    '',
    ...withoutEffect(all),
  ].join('\n')
}

/** Flags that are taken and change nothing, in a sentence. */
function withoutEffect(rows: readonly Option<unknown>[]): readonly string[] {
  const flags = rows.filter(({ inert }) => inert !== null).map(({ flag }) => `--${flag}`)
  return flags.length === 0 ? [] : [`Flags of kuma-dp without effect here: ${flags.join(', ')}`, '']
}

/** `docs/cli.md`, whole. A test compares it with the file. */
export function reference(commands: Commands): string {
  const sections = Object.entries(commands).flatMap(([name, command]) => [
    `## outrider ${name}`,
    '',
    `${command.summary}.`,
    '',
    ...(command.positionals === null ? [] : [`Arguments: \`${command.positionals}\``, '']),
    ...table(Object.values<Option<unknown>>(command.options)),
    ...withoutEffect(Object.values<Option<unknown>>(command.options)),
  ])
  return [
    '# The command line',
    '',
    'Made from the table in `dp-agent/options.ts`; `UPDATE=1 npm test` writes it anew.',
    'A flag wins over an environment variable, and that over the default. An empty variable counts as not set.',
    '',
    '| exit code | meaning |',
    '|---|---|',
    ...Object.entries(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    ...sections,
  ].join('\n')
}

function table(rows: readonly Option<unknown>[]): readonly string[] {
  if (rows.length === 0) return []
  return [
    '| option | environment | default | what it does |',
    '|---|---|---|---|',
    ...rows
      .filter(({ inert }) => inert === null)
      .map((row) => {
        const env = row.env.map((name) => `\`${name}\``).join(', ')
        const fallback = row.defaultText === null ? '–' : `\`${row.defaultText}\``
        const flag = `\`${signature(row).replaceAll('|', '\\|')}\``
        return `| ${flag} | ${env} | ${fallback} | ${row.help.replaceAll('|', '\\|')} |`
      }),
    '',
  ]
}

const signature = (row: Option<unknown>): string =>
  [
    row.short === null ? '' : `-${row.short}, `,
    `--${row.flag}`,
    row.also === null ? '' : `, --${row.also}`,
    row.placeholder === null ? '' : ` ${row.placeholder}`,
    row.repeats ? ' ...' : '',
  ].join('')

const details = (row: Option<unknown>): string =>
  `${row.help}${row.defaultText === null ? '' : ` [${row.defaultText}]`} ($${row.env.join(', $')})`

/** Two columns; the second starts at the same place in each row, or on a line of its own after a long first one. */
function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.min(28, Math.max(0, ...rows.map(([left]) => left.length)))
  return rows.flatMap(([left, right]) =>
    left.length > width
      ? [`  ${left}`, `  ${' '.repeat(width)}  ${right}`]
      : [`  ${left.padEnd(width)}  ${right}`],
  )
}
