import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readArguments } from '../../dp-agent/cli/parse.ts'
import {
  adminAddress,
  broughtDataplane,
  missedAdminPort,
  openWorkDir,
  sidecarOf,
} from '../../dp-agent/kuma-sidecar.ts'
import { commands, type RunOptions } from '../../dp-agent/options.ts'

const inline = 'type: Dataplane\nname: {{ name }}\nnetworking: { address: 10.0.0.1 }'

function optionsOf(...argv: readonly string[]): RunOptions {
  const usage = readArguments(commands.run, argv, {})
  if (!usage.ok) throw new Error(usage.messages.join())
  return usage.values
}

t.test('kuma sidecar: the Dataplane comes from the file before the text', async (t) => {
  const file = join(t.testdir({ 'dp.yaml': inline.replace('{{ name }}', 'of-file') }), 'dp.yaml')
  const text = ['--dataplane', inline, '-v', 'name=of-text']
  t.match(broughtDataplane(optionsOf(...text)), { ok: true, dataplane: { name: 'of-text' } })
  t.match(broughtDataplane(optionsOf(...text, '-d', file)), { dataplane: { name: 'of-file' } })
  t.match(broughtDataplane(optionsOf()), { ok: true, dataplane: null })
})

t.test('kuma sidecar: what is wrong with it is usage or has its place', async (t) => {
  const given = ['--dataplane', inline, '-v', 'name=web']
  for (const [argv, usage] of [
    [['-v', 'x'], /--dataplane-var must be name=value/],
    [['--dataplane-file', '/nowhere'], /--dataplane-file cannot be read/],
    [[...given, '--name', 'app'], /--name is "app", the Dataplane is called "web"/],
    [[...given, '--mesh', 'other'], /--mesh is "other", the Dataplane is in "default"/],
  ] as const)
    t.match(broughtDataplane(optionsOf(...argv)), { ok: false, usage })
  t.match(broughtDataplane(optionsOf('--dataplane', inline)), {
    ok: false,
    usage: null,
    problems: [{ file: '--dataplane', line: 2, message: /"name" is not given/ }],
  })
  t.match(broughtDataplane(optionsOf(...given, '--name', 'web')), { ok: true })
})

t.test(
  'kuma sidecar: the admin port of the Dataplane counts unless --admin says another',
  async (t) => {
    const dataplane = { mesh: 'default', name: 'web', adminPort: 9902, json: '' }
    t.same(adminAddress(optionsOf(), dataplane), { host: '127.0.0.1', port: 9902 })
    t.same(adminAddress(optionsOf('--admin', '0'), dataplane), { host: '127.0.0.1', port: 0 })
    t.same(adminAddress(optionsOf(), null), { host: '127.0.0.1', port: 9901 })
    const at = (port: number) => ({ host: '127.0.0.1', port })
    t.equal(missedAdminPort(at(9902), dataplane), null)
    t.equal(missedAdminPort(at(9901), dataplane), 9902)
    t.equal(missedAdminPort(at(0), dataplane), null)
    t.equal(missedAdminPort(at(19_901), null), null)
  },
)

t.test('kuma sidecar: a directory made for it is private and goes with it', async (t) => {
  const dir = openWorkDir(null)
  t.equal(statSync(dir.path).mode & 0o777, 0o700)
  dir.close()
  t.notOk(existsSync(dir.path))
  const wanted = join(t.testdir(), 'a', 'b')
  const kept = openWorkDir(wanted)
  kept.close()
  t.ok(existsSync(wanted))
})

t.test('kuma sidecar: what a control plane is told', async (t) => {
  const dataplane = { mesh: 'default', name: 'web', adminPort: null, json: '{}' }
  const flags = ['--bind-outbounds', '--metrics-cert-path', '/c', '--metrics-key-path', '/k']
  const terminal = { version: '1.2.3', env: { HOST_IP: '10.0.0.9' } }
  t.match(
    sidecarOf(optionsOf(...flags), terminal, { name: 'web', mesh: 'default', dataplane }, '/run'),
    {
      version: '1.2.3',
      nodeVersion: process.version,
      dataplane: '{}',
      admin: { host: '127.0.0.1', port: 9901 },
      workDir: '/run',
      bindOutbounds: true,
      metricsCertificate: { certPath: '/c', keyPath: '/k' },
      dynamicMetadata: { HOST_IP: '10.0.0.9' },
    },
  )
  const alone = { name: 'web', mesh: 'default', dataplane: null }
  t.match(sidecarOf(optionsOf(), { version: '1', env: {} }, alone, '/run'), {
    dataplane: null,
    dynamicMetadata: {},
  })
})
