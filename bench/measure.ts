import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer, Running, Topology } from './peer.ts'
import type { Sample, Scenario } from './scenarios.ts'

/** What the runs of one figure came to. */
export interface Figure {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** One peer in one scenario. `ratio` is its figure of merit over the reference's in the same round. */
export interface PeerResult {
  readonly peer: string
  readonly version: string
  readonly figures: Readonly<Record<string, Figure | null>>
  readonly ratio: Figure | null
}

/** One scenario: those who took part, and why the others did not. */
export interface ScenarioResult {
  readonly scenario: string
  readonly title: string
  readonly rounds: number
  readonly seconds: number
  readonly against: string | null
  readonly peers: readonly PeerResult[]
  readonly skipped: readonly { readonly peer: string; readonly why: string }[]
}

/** How to run a scenario. `seconds` is null for the scenario's own. */
export interface Options {
  readonly rounds: number
  readonly seconds: number | null
  readonly against: string
  readonly dir: string
  readonly identities: string
  readonly upstreamPorts: Topology['upstreamPorts']
}

/**
 * Runs a scenario on the peers that can take part. For traffic all of them stay up and take turns, one run a round;
 * for memory each is started for its only run. A peer that fails is skipped with what it said; the others go on.
 */
export async function measure(
  scenario: Scenario,
  peers: readonly Peer[],
  options: Options,
): Promise<ScenarioResult> {
  const seconds = options.seconds ?? scenario.seconds
  const rounds = scenario.of === 'memory' ? 1 : options.rounds
  const field = newField(scenario, peers, options)
  if (scenario.of === 'memory') await oneByOne(field, seconds)
  else await inTurns(field, rounds, seconds)
  const present = field.entries.filter((entry) => entry.samples.length > 0)
  const reference = findReference(present, options.against)
  return {
    scenario: scenario.name,
    title: scenario.title,
    rounds,
    seconds,
    against: reference?.peer.name ?? null,
    peers: present.map((entry) => summarize(entry, reference)),
    skipped: field.skipped,
  }
}

interface Entry {
  readonly peer: Peer
  readonly version: string
  readonly samples: Sample[]
  running: Running | null
  failed: boolean
}

interface Field {
  readonly scenario: Scenario
  readonly options: Options
  readonly entries: readonly Entry[]
  readonly skipped: { peer: string; why: string }[]
}

async function oneByOne(field: Field, seconds: number): Promise<void> {
  for (const entry of field.entries) {
    await start(field, entry)
    await runOnce(field, entry, seconds)
    await entry.running?.stop()
  }
}

async function inTurns(field: Field, rounds: number, seconds: number): Promise<void> {
  for (const entry of field.entries) await start(field, entry)
  // Unmeasured: connections are opened, code is compiled.
  for (const entry of field.entries) await runOnce(field, entry, 1)
  for (const entry of field.entries) entry.samples.length = 0
  for (let round = 0; round < rounds; round++) {
    for (const entry of field.entries) await runOnce(field, entry, seconds)
  }
  for (const entry of field.entries) await entry.running?.stop()
}

function newField(scenario: Scenario, peers: readonly Peer[], options: Options): Field {
  const entries: Entry[] = []
  const skipped: Field['skipped'] = []
  for (const peer of peers) {
    if (scenario.peers?.includes(peer.name) === false) continue
    const version = peer.available()
    const why = version === null ? 'is not installed' : peer.refuses(scenario)
    if (why !== null) skipped.push({ peer: peer.name, why })
    else entries.push({ peer, version: version ?? '', samples: [], running: null, failed: false })
  }
  return { scenario, options, entries, skipped }
}

async function start(field: Field, entry: Entry): Promise<void> {
  const { scenario, options } = field
  const dir = join(options.dir, scenario.name, entry.peer.name.replace(/\W+/g, '-'))
  mkdirSync(dir, { recursive: true })
  const topology: Topology = {
    path: scenario.path,
    protocol: scenario.protocol,
    endpoints: scenario.endpoints,
    upstreamPorts: options.upstreamPorts,
    dir,
    identities: options.identities,
    nodeFlags: [],
  }
  await attempt(field, entry, async () => {
    entry.running = await entry.peer.start(topology)
  })
}

async function runOnce(field: Field, entry: Entry, seconds: number): Promise<void> {
  const { running } = entry
  if (entry.failed || running === null) return
  await attempt(field, entry, async () => {
    entry.samples.push(await field.scenario.run(running, seconds))
  })
}

async function attempt(field: Field, entry: Entry, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    entry.failed = true
    entry.samples.length = 0
    const why = error instanceof Error ? error.message : String(error)
    const words = `${why}\n${entry.running?.words() ?? ''}`.trim().split('\n').slice(0, 8)
    field.skipped.push({ peer: entry.peer.name, why: `failed: ${words.join('\n')}` })
  }
}

const merit = (sample: Sample | undefined): number | null => Object.values(sample ?? {})[0] ?? null

function findReference(entries: readonly Entry[], wanted: string): Entry | undefined {
  const measured = entries.filter((entry) => merit(entry.samples[0]) !== null)
  return measured.find((entry) => entry.peer.name === wanted) ?? measured[0]
}

function summarize(entry: Entry, reference: Entry | undefined): PeerResult {
  const figures: Record<string, Figure | null> = {}
  for (const name of Object.keys(entry.samples[0] ?? {})) {
    figures[name] = figure(entry.samples.map((sample) => sample[name] ?? null))
  }
  const ratios = entry.samples.map((sample, round) => {
    const ours = merit(sample)
    const theirs = merit(reference?.samples[round])
    return ours === null || theirs === null || theirs === 0 ? null : ours / theirs
  })
  return { peer: entry.peer.name, version: entry.version, figures, ratio: figure(ratios) }
}

function figure(values: readonly (number | null)[]): Figure | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b)
  const [min, max] = [sorted.at(0), sorted.at(-1)]
  if (min === undefined || max === undefined) return null
  const upper = sorted[Math.floor(sorted.length / 2)] ?? max
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? min
  return { median: (lower + upper) / 2, min, max }
}
