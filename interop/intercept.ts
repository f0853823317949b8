import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checks } from './intercept/checks.ts'
import { launcher, type Network, openNetwork, type Side, whyNot } from './intercept/network.ts'
import { farPorts, mesh, nearPorts } from './intercept/resources.ts'
import { newReport, type Report } from './report.ts'

/**
 * `npm run interop:intercept`: a sidecar whose traffic is intercepted by the system, in network namespaces of its own, with the rules and the
 * launcher of `docker/intercept`.
 */

const peer = join(import.meta.dirname, 'intercept/peer.ts')
const main = join(import.meta.dirname, '../dp-agent/main.ts')

interface Stage {
  readonly network: Network
  readonly report: Report
  readonly dir: string
  readonly sidecar: number
}

/** False where nothing comes through at all: the rest would say so twenty times. */
async function call({ network, report, dir }: Stage): Promise<boolean> {
  for (const { name, policy, at, calls, hears } of checks) {
    if (policy !== undefined) write(dir, 'policy.yaml', policy)
    const heard = await report.until(name, async () => {
      const what = network.run(at, process.execPath, peer, ...calls).trim()
      return { ok: what.startsWith(hears), what }
    })
    if (!heard && name === checks[0]?.name) return false
  }
  return true
}

function lookAtPrivileges({ report, sidecar }: Stage): void {
  const status = readFileSync(`/proc/${sidecar}/status`, 'utf8')
  const [capabilities = '', uid = ''] = [/CapEff:\s+(\w+)/, /Uid:\s+(\d+)/].map(
    (field) => field.exec(status)?.[1] ?? '',
  )
  const ok = /^0+$/.test(capabilities) && uid === '5678'
  report.line('no privileges', { ok, what: `user ${uid}, capabilities ${capabilities}` })
}

/** Readers never see half a file. */
function write(dir: string, name: string, text: string): void {
  writeFileSync(join(dir, `.${name}`), text)
  renameSync(join(dir, `.${name}`), join(dir, name))
}

function setStage(network: Network, report: Report, logs: string): Stage {
  const dir = join(logs, 'mesh')
  // The sidecar is somebody else.
  chmodSync(logs, 0o755)
  mkdirSync(dir)
  write(dir, 'mesh.yaml', mesh)
  const node = process.execPath
  const serve = (at: Side, what: string, word: string, port: number): number =>
    network.start(at, join(logs, `${word}.log`), node, peer, what, word, String(port))
  serve('far', 'serve', 'backend', farPorts.backend)
  serve('far', 'serve', 'outside', farPorts.outside)
  serve('far', 'serve', 'other', farPorts.other)
  serve('far', 'serve-tls', 'secret', farPorts.secret)
  serve('far', 'greet', 'greeter', farPorts.greeter)
  serve('near', 'serve', 'web', nearPorts.web)
  serve('near', 'serve', 'other', nearPorts.other)
  const run = [
    node,
    main,
    'run',
    '--config',
    dir,
    '--name',
    'web-1',
    '--workers',
    '2',
    '--log-format',
    'text',
  ]
  const sidecar = network.start(
    'near',
    join(logs, 'sidecar.log'),
    launcher,
    '--copies',
    '2',
    ...run,
  )
  return { network, report, dir, sidecar }
}

const missing = whyNot()
if (missing !== null) console.log(`skipped: ${missing}`)
else {
  const logs = mkdtempSync(join(tmpdir(), 'outrider-intercept-'))
  const report = newReport()
  const network = openNetwork()
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void network.close().then(() => process.exit(1)))
  }
  try {
    const stage = setStage(network, report, logs)
    if (await call(stage)) lookAtPrivileges(stage)
  } finally {
    await network.close()
    if (report.failures > 0) console.log(readFileSync(join(logs, 'sidecar.log'), 'utf8'))
    rmSync(logs, { recursive: true, force: true })
  }
  if (report.failures > 0) process.exitCode = 1
}
