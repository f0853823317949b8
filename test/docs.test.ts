import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { agentMetrics } from '../dp-agent/telemetry/agent-metrics.ts'
import { families } from '../dp-agent/telemetry/prometheus.ts'
import { type LogOperator, logOperators } from '../proxy/telemetry/log-operators.ts'
import { histogramBounds, type MetricScope, metrics } from '../proxy/telemetry/metrics.ts'
import { type FlagRow, flagRows, responseFlags } from '../proxy/telemetry/response-flags.ts'
import { policyTables } from './policies/tables.ts'
import { policyPage, unknownFields } from './support/policy-page.ts'
import { xdsPage } from './support/xds-page.ts'

/** A page made from a table must equal what is checked in; `UPDATE=1` writes it. */
function isUpToDate(t: Test, path: string, text: string): void {
  const file = new URL(`../docs/${path}`, import.meta.url)
  if (process.env.UPDATE === '1') writeFileSync(file, text)
  const written = existsSync(file) ? readFileSync(file, 'utf8') : ''
  t.equal(written, text, `docs/${path} is old: run this test with UPDATE=1`)
}

const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |\n`

const scopeTitles: Readonly<Record<MetricScope, string>> = {
  cluster: 'Clusters',
  http: 'HTTP listeners',
  tcp: 'TCP listeners',
  listener: 'Listeners',
  server: 'Workers',
}

t.test('docs: metrics.md is what the table of metrics says', async (t) => {
  let page = `# Metrics

Made from \`proxy/telemetry/metrics.ts\`; do not edit. Names are Envoy's, so that dashboards keep working.
\`/metrics\` on the admin server shows them to Prometheus, with those of the process (\`process_…\`, \`nodejs_…\`) from
prom-client; \`?usedonly\` leaves out what never counted. \`/stats\` shows the same numbers in lines like those of Envoy's
\`/stats\`. Several workers' numbers are added, those marked "largest" excepted, which all workers measure of the same
thing. Counts begin anew when a worker is replaced.

Buckets of histograms, ms: ${histogramBounds.join(', ')}.
`
  for (const [scope, title] of Object.entries(scopeTitles)) {
    const rows: Readonly<Record<string, { readonly merge: string }>> = metrics[scope as MetricScope]
    page += `\n## ${title}\n\n${row('metric', 'type', 'labels', 'what it counts')}${row('---', '---', '---', '---')}`
    for (const { name, type, labels, help } of families.filter((one) => one.scope === scope)) {
      const largest = rows[name.slice(`envoy_${scope}_`.length)]?.merge === 'max'
      const labelList = labels.map((label) => `\`${label}\``).join(' ')
      page += row(`\`${name}\``, type, labelList, largest ? `${help} (largest)` : help)
    }
  }
  page += `\n## The agent\n\n${row('metric', 'type', 'labels', 'what it tells')}${row('---', '---', '---', '---')}`
  for (const { name, type, help } of agentMetrics) page += row(`\`${name}\``, type, '', help)
  isUpToDate(t, 'metrics.md', page)
})

t.test('docs: response-flags.md is what the table of flags says', async (t) => {
  let page = `# Response flags

Made from \`proxy/telemetry/response-flags.ts\`; do not edit. Why the proxy answered by itself or ended an exchange:
\`%RESPONSE_FLAGS%\` in the access log, \`response_flag\` in the metrics. More than one may be set, as in \`UF,URX\`. The finer
reason is \`%RESPONSE_CODE_DETAILS%\`. Status 0: nobody is left to answer, or the flag only says what happened on the way.

${row('flag', 'name', 'HTTP status', 'gRPC status', 'what happened')}${row('---', '---', '---', '---', '---')}`
  for (const [name, flag] of Object.entries<FlagRow>(responseFlags)) {
    page += row(`\`${flag.short}\``, name, flag.status, flag.grpcStatus, flag.help)
  }
  isUpToDate(t, 'response-flags.md', page)
})

t.test('docs: access-log.md names every operator', async (t) => {
  const argument = ({ argument }: LogOperator): string =>
    argument === 'required' ? '`(X?Y)`' : argument === 'optional' ? '`(…)` or none' : ''
  let page = `# Access logs

Made from \`proxy/telemetry/log-operators.ts\`; do not edit. A format is text with Envoy's command operators, or a JSON
object whose values are such texts; a value that is one operator keeps its type. \`%REQ(X?Y):Z%\` takes the first header
that is there, Z characters at most; \`%%\` is a percent. \`%START_TIME(%Y-%m-%d %H:%M:%S.%3f)%\` formats as strftime does, in
UTC. What did not happen is \`-\`, in JSON \`null\` or, with \`omitEmpty\`, left out.

Where Envoy prints what a caller sent as it is, we print ASCII: in text everything else, \`"\` and \`\\\` included, becomes
\`\\xNN\`, so that nobody can forge a field or a line. Operators marked "never known" are accepted and always \`-\`.

${row('operator', 'argument', '')}${row('---', '---', '---')}`
  const [, unknowable] =
    Object.entries(logOperators).find(([name]) => name === 'FILTER_STATE') ?? []
  for (const [name, operator] of Object.entries(logOperators)) {
    const note = operator === unknowable ? 'never known' : ''
    page += row(`\`%${name}%\``, operator === unknowable ? '' : argument(operator), note)
  }
  isUpToDate(t, 'access-log.md', page)
})

t.test(
  'docs: policies.md has every field of every policy and the tests that show it',
  async (t) => {
    t.same(unknownFields(policyTables), [])
    isUpToDate(t, 'policies.md', policyPage(policyTables))
  },
)

t.test('docs: xds.md is what the tables of the translators say', async (t) => {
  isUpToDate(t, 'xds.md', xdsPage())
})

t.test('docs: every flag has a bit and a short code of its own', async (t) => {
  t.equal(new Set(flagRows.map(({ bit }) => bit)).size, flagRows.length)
  t.equal(new Set(flagRows.map(({ short }) => short)).size, flagRows.length)
  t.ok(flagRows.every(({ bit }) => bit > 0 && Number.isInteger(Math.log2(bit))))
})
