import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type CpuProfile, formatProfile, profileTimes } from './cpuprofile.ts'
import { makeIdentities } from './identities.ts'
import { record } from './inspector.ts'
import type { Running } from './peer.ts'
import { peers } from './peers.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { startUpstream } from './upstream.ts'

const usage = `node bench/profile.ts <file.cpuprofile> [--top 30]
node bench/profile.ts <scenario> [--peer outrider-source] [--seconds 5] [--top 30]`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: 'string', default: 'outrider-source' },
    seconds: { type: 'string', default: '5' },
    top: { type: 'string', default: '30' },
  },
})

/** Runs a scenario on a peer written in Node and returns the profile of each of its threads. */
async function profileScenario(name: string): Promise<readonly CpuProfile[]> {
  const scenario = scenarios.find((candidate) => candidate.name === name)
  const peer = peers.find((candidate) => candidate.name === values.peer)
  if (!scenario || !peer) throw new Error(usage)
  const dir = mkdtempSync(join(tmpdir(), 'outrider-bench-'))
  const identities = join(dir, 'identities')
  makeIdentities(identities)
  const upstream = await startUpstream(dir)
  try {
    const { path, protocol, endpoints } = scenario
    const nodeFlags = ['--inspect=127.0.0.1:0']
    const place = { upstreamPorts: upstream.ports, dir, identities, nodeFlags }
    const running = await peer.start({ path, protocol, endpoints, ...place })
    try {
      return await profileRun(running, scenario)
    } finally {
      await running.stop()
    }
  } finally {
    await upstream.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function profileRun(running: Running, scenario: Scenario): Promise<readonly CpuProfile[]> {
  await scenario.run(running, 2) // so that start and compilation are over
  const urls = [...running.words().matchAll(/ws:\/\/\S+/g)].map(([url]) => url)
  const recordings = await Promise.all(urls.map(record))
  const sample = await scenario.run(running, Number(values.seconds))
  console.log(JSON.stringify(sample))
  return (await Promise.all(recordings.map((recording) => recording.stop()))).flat()
}

function readProfiles(file: string): readonly CpuProfile[] {
  const profile: CpuProfile = JSON.parse(readFileSync(file, 'utf8'))
  return [profile]
}

const [subject] = positionals
if (subject === undefined) throw new Error(usage)
const isFile = subject.endsWith('.cpuprofile')
const profiles = isFile ? readProfiles(subject) : await profileScenario(subject)
const times = profiles.map(profileTimes)
// Threads that carried no traffic are left out.
const busiest = Math.max(...times.map(({ busyMs }) => busyMs))
for (const [i, thread] of times.entries()) {
  if (thread.busyMs < busiest / 5) continue
  if (!isFile) {
    const file = `bench/results/${subject}-${i}.cpuprofile`
    mkdirSync('bench/results', { recursive: true })
    writeFileSync(file, JSON.stringify(profiles[i]))
    console.log(`\nwritten to ${file}`)
  }
  console.log(formatProfile(thread, Number(values.top)))
}
