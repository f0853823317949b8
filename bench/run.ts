import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeIdentities } from './identities.ts'
import { loadProgram } from './load.ts'
import { measure, type ScenarioResult } from './measure.ts'
import { peers } from './peers.ts'
import { formatScenario, formatSummary } from './report.ts'
import { scenarios } from './scenarios.ts'
import { startUpstream } from './upstream.ts'

const usage = `npm run bench -- [--only hop,pair] [--peers nginx,envoy] [--pairs 5] [--seconds 3]
                 [--against nginx] [--baseline file] [--json file]
scenarios: ${scenarios.map((scenario) => scenario.name).join(', ')}
peers: ${peers.map((peer) => peer.name).join(', ')}`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    pairs: { type: 'string', default: '5' },
    seconds: { type: 'string' },
    against: { type: 'string', default: 'nginx' },
    baseline: { type: 'string', default: 'bench/baseline/two-cores.json' },
    json: { type: 'string', default: 'bench/results/latest.json' },
    help: { type: 'boolean', default: false },
  },
})

/** The named entries of a table, in the table's order; all of them when nothing is named. */
function choose<T extends { readonly name: string }>(
  all: readonly T[],
  list: string | undefined,
): readonly T[] {
  if (list === undefined) return all
  const names = list.split(',')
  const unknown = names.find((name) => !all.some((entry) => entry.name === name))
  if (unknown !== undefined) {
    console.error(`no ${unknown}\n${usage}`)
    process.exit(2)
  }
  return all.filter((entry) => names.includes(entry.name))
}

/** The results of an earlier run, or none when there is no such file. */
function readResults(file: string): readonly ScenarioResult[] {
  if (!existsSync(file)) return []
  const report: { scenarios: ScenarioResult[] } = JSON.parse(readFileSync(file, 'utf8'))
  return report.scenarios
}

async function main(): Promise<void> {
  const chosen = choose(scenarios, values.only)
  const field = choose(peers, values.peers)
  const baseline = readResults(values.baseline)
  const dir = mkdtempSync(join(tmpdir(), 'outrider-bench-'))
  const identities = join(dir, 'identities')
  makeIdentities(identities)
  const upstream = await startUpstream(dir)
  const results: ScenarioResult[] = []
  const machine = {
    node: process.version,
    cores: availableParallelism(),
    platform: `${process.platform}-${process.arch}`,
    upstream: upstream.kind,
    load: loadProgram(),
  }
  console.log(
    Object.entries(machine)
      .map((pair) => pair.join(' '))
      .join(', '),
  )
  try {
    for (const scenario of chosen) {
      const result = await measure(scenario, field, {
        rounds: Number(values.pairs),
        seconds: values.seconds === undefined ? null : Number(values.seconds),
        against: values.against,
        dir,
        identities,
        upstreamPorts: upstream.ports,
      })
      results.push(result)
      const before = baseline.find((earlier) => earlier.scenario === scenario.name) ?? null
      console.log(`\n${formatScenario(result, before)}`)
    }
  } finally {
    await upstream.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  mkdirSync(dirname(values.json), { recursive: true })
  writeFileSync(values.json, `${JSON.stringify({ ...machine, scenarios: results }, null, 2)}\n`)
  console.log(`\n${formatSummary(results)}\n\nwritten to ${values.json}`)
}

if (values.help) console.log(usage)
else await main()
