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
import {
  addresses,
  launcher,
  type Network,
  openNetwork,
  type Side,
  whyNot,
} from './intercept/network.ts'
import { farPorts, mesh, nearPorts, passthrough, virtual } from './intercept/resources.ts'
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

/** Asks from a side, and expects an answer that holds these words; `0` is none. */
async function expect(
  { network, report }: Stage,
  name: string,
  from: Side,
  [host, port, asked = '']: readonly [host: string, port: number, asked?: string],
  wanted: string,
): Promise<boolean> {
  return report.until(name, async () => {
    const what = network.run(from, process.execPath, peer, 'ask', host, String(port), asked).trim()
    return { ok: what.startsWith(wanted), what }
  })
}

/** False where nothing comes through at all: the rest would say so fifteen times. */
async function lookOut(stage: Stage): Promise<boolean> {
  const { far } = addresses
  const mesh = '200 backend called through the mesh'
  if (!(await expect(stage, 'virtual address', 'near', [virtual.ipv4, 80], mesh))) return false
  await expect(stage, 'virtual address, IPv6', 'near', [virtual.ipv6, 80], mesh)
  await expect(stage, 'by name', 'near', ['backend.svc.mesh.local', 80], mesh)
  const outside = '200 outside called directly'
  await expect(stage, 'passes', 'near', [far.ipv4, farPorts.outside], outside)
  await expect(stage, 'passes, IPv6', 'near', [far.ipv6, farPorts.outside], outside)
  await expect(stage, 'nobody there', 'near', [far.ipv4, 7_999], '0 ')
  return true
}

/** One MeshPassthrough after the other. */
async function lookAtPolicies(stage: Stage): Promise<void> {
  const { far } = addresses
  const { outside, other } = farPorts
  const say = (conf: string): void => write(stage.dir, 'policy.yaml', passthrough(conf))
  say('{passthroughMode: None}')
  await expect(stage, 'None', 'near', [far.ipv4, outside], '0 ')
  await expect(stage, '  the mesh is there', 'near', [virtual.ipv4, 80], '200 backend')
  say(`{appendMatch: [{type: IP, value: ${far.ipv4}, port: ${outside}}]}`)
  await expect(
    stage,
    'Matched, IP and port',
    'near',
    [far.ipv4, outside],
    '200 outside called directly',
  )
  await expect(stage, '  another port', 'near', [far.ipv4, other], '0 ')
  await expect(stage, '  another address', 'near', [far.ipv6, outside], '0 ')
  say(`{appendMatch: [{type: CIDR, value: 'fd99::/64'}]}`)
  await expect(stage, 'Matched, CIDR', 'near', [far.ipv6, other], '200 other')
  await expect(stage, '  outside of it', 'near', [far.ipv4, other], '0 ')
  say(`{appendMatch: [{type: Domain, value: '*.shop.test', protocol: http, port: ${outside}}]}`)
  const asked = (host: string) => [far.ipv4, outside, host] as const
  await expect(stage, 'Matched, Host', 'near', asked('a.shop.test'), '200 outside called through')
  await expect(stage, '  another host', 'near', asked('bank.test'), '503 This response comes')
  say('{passthroughMode: All}')
  await expect(stage, 'All', 'near', [far.ipv4, other], '200 other called directly')
}

async function lookIn(stage: Stage): Promise<void> {
  const { near } = addresses
  const own = 'from 127.0.0.6'
  await expect(
    stage,
    'inbound',
    'far',
    [near.ipv4, nearPorts.web],
    `200 web called through the mesh ${own}`,
  )
  await expect(
    stage,
    'inbound, other port',
    'far',
    [near.ipv4, nearPorts.other],
    `200 other called directly ${own}`,
  )
  await expect(
    stage,
    'inbound, IPv6',
    'far',
    [near.ipv6, nearPorts.other],
    '200 other called directly from ::6',
  )
  const status = readFileSync(`/proc/${stage.sidecar}/status`, 'utf8')
  const [capabilities = '', uid = ''] = [/CapEff:\s+(\w+)/, /Uid:\s+(\d+)/].map(
    (field) => field.exec(status)?.[1] ?? '',
  )
  const ok = /^0+$/.test(capabilities) && uid === '5678'
  stage.report.line('no privileges', { ok, what: `user ${uid}, capabilities ${capabilities}` })
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
  const serve = (at: Side, word: string, port: number): number =>
    network.start(at, join(logs, `${word}.log`), node, peer, 'serve', word, String(port))
  serve('far', 'backend', farPorts.backend)
  serve('far', 'outside', farPorts.outside)
  serve('far', 'other', farPorts.other)
  serve('near', 'web', nearPorts.web)
  serve('near', 'other', nearPorts.other)
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
    if (await lookOut(stage)) {
      await lookAtPolicies(stage)
      await lookIn(stage)
    }
  } finally {
    await network.close()
    if (report.failures > 0) console.log(readFileSync(join(logs, 'sidecar.log'), 'utf8'))
    rmSync(logs, { recursive: true, force: true })
  }
  if (report.failures > 0) process.exitCode = 1
}
