import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { readArguments } from '../../../dp-agent/cli/parse.ts'
import { fromControlPlane } from '../../../dp-agent/commands/run-kuma.ts'
import type { Chosen } from '../../../dp-agent/commands/run-source.ts'
import type { Terminal } from '../../../dp-agent/dispatch.ts'
import { commands } from '../../../dp-agent/options.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { bootstrapServer, giveBootstrap, kumaBootstrap } from '../../support/kuma-cp.ts'
import { memoryLog } from '../../support/memory-log.ts'

const dataplane = 'type: Dataplane\nname: web-1\nnetworking: { address: 10.0.0.1 }'
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = `${part({ alg: 'RS256' })}.${part({ Name: 'web-1' })}.c2ln`

const terminal: Terminal = {
  out() {},
  err() {},
  errIsTerminal: false,
  env: {},
  signals: process,
  version: '1.2.3',
  program: '',
  root: '',
  colour: false,
}

async function choose(url: string, ...argv: readonly string[]) {
  const usage = readArguments(commands.run, argv, {})
  if (!usage.ok) throw new Error(usage.messages.join())
  const { log, lines } = memoryLog()
  const clock = fakeClock()
  const chosen = await fromControlPlane({ url, options: usage.values, terminal, clock, log })
  return { chosen, lines }
}

/** A control plane and a file with its CA. */
async function controlPlane(t: Test, reply = giveBootstrap(kumaBootstrap())) {
  const server = await bootstrapServer(t, reply)
  const dir = t.testdir()
  const caFile = join(dir, 'ca.pem')
  writeFileSync(caFile, server.ca.certificate)
  return { server, dir, trust: ['--ca-cert-file', caFile] }
}

t.test('run under Kuma: the command line of kuma-dp makes a sidecar', async (t) => {
  const { server, trust } = await controlPlane(t)
  const flags = ['--dataplane', dataplane, '--dataplane-token', token, '--concurrency', '2']
  const { chosen, lines } = await choose(
    server.url,
    ...trust,
    ...flags,
    ...['--binary-path', 'envoy', '--dns-enable-logging=false', '--proxy-type', 'dataplane'],
  )
  const { name, mesh, from, admin, controlPlane: ties, close } = chosen as Chosen
  t.same(
    { name, mesh, from, admin },
    {
      name: 'web-1',
      mesh: 'default',
      from: server.url,
      admin: { host: '127.0.0.1', port: 9901 },
    },
  )
  t.match(server.requests[0]?.body, { name: 'web-1', dataplaneToken: token })
  t.match(ties?.metricsSocket, /outrider-\w+\/kuma-mh-web-1-default\.sock$/)
  t.same(lines, [
    'warn --binary-path has no effect {"reason":"there is no Envoy"}',
    'warn --dns-enable-logging has no effect {"reason":"there is one DNS proxy; see --dns-proxy-port"}',
  ])
  const dir = dirname(ties?.metricsSocket ?? '')
  t.ok(existsSync(dir))
  close()
  t.notOk(existsSync(dir))
})

t.test(
  'run under Kuma: what is wrong with the flags is told before anything is tried',
  async (t) => {
    for (const [url, argv, message] of [
      ['kuma-cp:5678', [], /--cp-address must be an http or https URL/],
      [
        'https://kuma-cp:5678',
        ['--transparent-proxy-config', '{'],
        /--transparent-proxy-config is not YAML/,
      ],
      ['https://kuma-cp:5678', [], /say which Dataplane this is/],
      ['https://kuma-cp:5678', ['-v', 'x'], /--dataplane-var must be name=value/],
    ] as const)
      t.match((await choose(url, ...argv)).chosen, message)
  },
)

t.test('run under Kuma: a start that cannot succeed ends with the reason in the log', async (t) => {
  const { server, trust } = await controlPlane(t, { status: 422, body: 'wrong token' })
  const given = [...trust, '--dataplane', dataplane]
  const refused = await choose(server.url, ...given)
  t.equal(refused.chosen, null)
  t.match(refused.lines, [/^error cannot start under the control plane .*wrong token/])
  const noToken = await choose(server.url, ...given, '--dataplane-token', 'secret')
  t.equal(noToken.chosen, null)
  t.match(noToken.lines, [/is not a JWT/])
  t.notMatch(noToken.lines.join(), /secret/)
  const wrong = await choose(server.url, '--dataplane', 'type: Mesh\nname: default')
  t.equal(wrong.chosen, null)
  t.match(wrong.lines, [
    /^error --dataplane: .*must be a Dataplane, got a Mesh|^error --dataplane error/,
  ])
})

t.test('run under Kuma: a control plane that anybody can be is warned of', async (t) => {
  const { server, trust } = await controlPlane(t)
  const flags = ['--name', 'web-1', '--state-dir', t.testdirName]
  const checked = await choose(server.url, ...flags, ...trust)
  const unchecked = await choose(server.url, ...flags, '--skip-verify')
  const plain = await choose('http://127.0.0.1:1', ...flags)
  t.same(checked.lines, [])
  t.match(unchecked.lines, [/^warn --skip-verify trusts anybody .*token/])
  t.match(plain.lines, [/^warn --cp-address is not https .*token/])
  for (const { chosen } of [checked, unchecked, plain]) {
    const made = chosen as Chosen
    made.close()
  }
})

t.test('run under Kuma: with a state directory nobody waits for the control plane', async (t) => {
  const { server, dir, trust } = await controlPlane(t, { status: 500, body: '' })
  const state = ['--state-dir', join(dir, 'state'), '--name', 'web-1', '--mesh', 'shop']
  const { chosen } = await choose(server.url, ...trust, ...state)
  t.match(chosen, { name: 'web-1', mesh: 'shop' })
  t.same(server.requests, [])
  const made = chosen as Chosen
  made.close()
})
