import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatProfile, readProfile } from './cpuprofile.ts'
import { makeIdentities } from './identities.ts'
import { peers } from './peers.ts'
import { scenarios } from './scenarios.ts'
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

/** Runs a scenario on a peer written in Node, under V8's sampling profiler, and returns the directory of profiles. */
async function record(scenarioName: string): Promise<string> {
  const scenario = scenarios.find(({ name }) => name === scenarioName)
  const peer = peers.find(({ name }) => name === values.peer)
  if (!scenario || !peer) throw new Error(usage)
  const dir = mkdtempSync(join(tmpdir(), 'outrider-profile-'))
  const identities = join(dir, 'identities')
  makeIdentities(identities)
  const upstream = await startUpstream(dir)
  try {
    const running = await peer.start({
      path: scenario.path,
      endpoints: scenario.endpoints,
      upstreamPort: upstream.port,
      dir,
      identities,
      nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${dir}`, '--cpu-prof-interval=200'],
    })
    try {
      await scenario.run(running, 2) // so that start and compilation are over
      const sample = await scenario.run(running, Number(values.seconds))
      console.log(JSON.stringify(sample))
    } finally {
      await running.stop()
    }
  } finally {
    await upstream.stop()
  }
  return dir
}

const [subject] = positionals
if (subject === undefined) throw new Error(usage)
const paths = subject.endsWith('.cpuprofile')
  ? [subject]
  : await record(subject).then((dir) =>
      readdirSync(dir)
        .filter((file) => file.endsWith('.cpuprofile'))
        .map((file) => join(dir, file)),
    )
const lastMs = paths[0] === subject ? Number.POSITIVE_INFINITY : Number(values.seconds) * 1000
const profiles = paths.map((path) => ({ path, times: readProfile(path, lastMs) }))
// Each thread writes a file of its own; the ones that carried no traffic are left out.
const busiest = Math.max(...profiles.map(({ times }) => times.busyMs))
for (const { path, times } of profiles.filter(({ times }) => times.busyMs > busiest / 5)) {
  console.log(`\n${path}\n${formatProfile(times, Number(values.top))}`)
}
