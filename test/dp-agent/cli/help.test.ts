import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { commandHelp, overview, reference } from '../../../dp-agent/cli/help.ts'
import { commands } from '../../../dp-agent/options.ts'

const page = new URL('../../../docs/cli.md', import.meta.url)

t.test('help: docs/cli.md is what the table of options says', async (t) => {
  const text = reference(commands)
  if (process.env.UPDATE === '1') writeFileSync(page, text)
  t.equal(readFileSync(page, 'utf8'), text, 'UPDATE=1 writes it anew')
})

t.test('help: the overview names every command', async (t) => {
  for (const name of Object.keys(commands)) t.match(overview(commands), `  ${name} `)
})

t.test('help: a command lists its options with default and variables', async (t) => {
  const text = commandHelp('run', commands.run)
  t.match(text, '--drain-time <duration>')
  t.match(text, '[30s] ($OUTRIDER_DRAIN_TIME, $KUMA_DATAPLANE_DRAIN_TIME)')
  t.match(
    commandHelp('validate', commands.validate),
    'usage: outrider validate <file|dir>... [options]',
  )
})

t.test('help: flags, letters and variables are not given twice in a command', async (t) => {
  for (const command of Object.values(commands)) {
    const rows = Object.values(command.options)
    const all = rows.flatMap((row) => [
      `--${row.flag}`,
      ...row.env,
      ...(row.short ? [row.short] : []),
    ])
    t.equal(new Set(all).size, all.length)
  }
})
