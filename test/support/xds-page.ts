import { coverages } from '../../config/xds/coverages.ts'
import { messageType } from '../../config/xds/proto/table.ts'
import type { Coverage } from '../../config/xds/reading/coverage.ts'

/** `docs/xds.md`: what becomes of each field of Envoy's. */
export function xdsPage(): string {
  let page = `# xDS

Made from the tables beside the translators in \`config/xds/\`; do not edit. What Outrider makes of Envoy's messages, field by
field. A resource with a field that is refused and says something (is not what an absent field means), or with a value that
cannot be honoured, is refused as a whole: the control plane gets a NACK with every such path, and the last good version of
the resource stays. An extension is known by its type, not by its name; one that is not in these tables is refused, unless the
configuration calls it optional. What has no effect has none on traffic.

Listeners for UDP are not served, with a warning. Those that intercept traffic (\`use_original_dst\`) listen on sockets that the
process was started with. Times that Envoy leaves unlimited and a peer could exhaust us by have a limit when nothing is said: 10 s for a
handshake, 10 s for the head of a request.
`
  for (const [title, list] of Object.entries(coverages)) {
    page += `\n## ${title}\n`
    for (const coverage of list) page += section(coverage)
  }
  return `${page}
## Small messages

Read where they stand, within the messages above; \`runtime_key\` has no effect, since there is no runtime to ask.

${smallMessages()
  .map((name) => `- ${name}\n`)
  .join('')}`
}

/** Messages in fields that are read, which have no table of their own. */
function smallMessages(): readonly string[] {
  const all = Object.values(coverages).flat()
  const told = new Set(all.map(({ message }) => message))
  const within = all.flatMap(({ message, read }) =>
    [...(messageType(message)?.byNumber.values() ?? [])]
      .filter((field) => field.scalar === null && read.includes(field.name))
      .map((field) => field.message)
      .filter((name) => !told.has(name) && !name.startsWith('google.')),
  )
  return [...new Set(within)].toSorted()
}

function section({ message, read, harmless }: Coverage): string {
  const names = new Set(
    [...(messageType(message)?.byNumber.values() ?? [])].map(({ name }) => name),
  )
  const byReason = Map.groupBy(Object.entries(harmless), ([, reason]) => reason)
  const said = new Set([...read, ...Object.keys(harmless)])
  const refused = [...names].filter((name) => !said.has(name))
  const rows = [
    row(read, 'read'),
    ...[...byReason].map(([reason, fields]) =>
      row(
        fields.map(([name]) => name),
        `no effect: ${reason}`,
      ),
    ),
    row(refused, 'refused'),
  ].filter((line) => line !== '')
  const table =
    rows.length === 0 ? 'Has no fields.\n' : `| field | here |\n|---|---|\n${rows.join('')}`
  return `\n### ${message}\n\n${table}`
}

const row = (names: readonly string[], what: string): string =>
  names.length === 0 ? '' : `| ${names.map((name) => `\`${name}\``).join(' ')} | ${what} |\n`
