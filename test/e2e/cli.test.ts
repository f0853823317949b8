import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startOutrider } from '../support/outrider.ts'

const dataplane = (port: number) => `
type: Mesh
name: default
---
type: Dataplane
mesh: default
name: web
networking:
  address: 127.0.0.1
  inbound:
    - port: ${port}
      servicePort: 1
      tags: { kuma.io/service: web, kuma.io/protocol: http }
`

t.test('outrider: --help and --version answer on standard output', async (t) => {
  const help = startOutrider(t, ['--help'])
  t.equal(await help.exit, 0)
  t.match(help.out(), 'usage: outrider <command>')
  const run = startOutrider(t, ['run', '--help'])
  t.equal(await run.exit, 0)
  t.match(run.out(), '--drain-time <duration>')
  const version = startOutrider(t, ['--version'])
  t.equal(await version.exit, 0)
  t.match(version.out(), /^outrider \d+\.\d+\.\d+ \(node v/)
})

t.test('outrider: bad usage exits 2 with a hint on standard error', async (t) => {
  for (const [args, message] of [
    [[], 'usage: outrider'],
    [['rum'], 'unknown command "rum"; did you mean "run"?'],
    [['run', '--nmae', 'web'], 'unknown option --nmae; did you mean --name?'],
    [['run', '--name', 'web'], '--config <file|dir>'],
    [['run', '--config', 'x'], '--name <dataplane>'],
    [['validate'], 'name the files'],
  ] as const) {
    const process = startOutrider(t, args)
    t.equal(await process.exit, 2, args.join(' '))
    t.match(process.err(), message)
  }
})

t.test('outrider: a bad configuration exits 1 and says file, line and column', async (t) => {
  const file = join(
    t.testdir({ 'mesh.yaml': 'type: Mesh\nname: default\nmtsl: {}\n' }),
    'mesh.yaml',
  )
  const run = startOutrider(t, ['run', '--config', file, '--name', 'web', '--admin', '0'])
  t.equal(await run.exit, 1)
  t.match(run.err(), `${file}:3:`)
  const validate = startOutrider(t, ['validate', file])
  t.equal(await validate.exit, 1)
  t.match(validate.out(), new RegExp(`^${file}:3:\\d+ error Mesh/default`))
})

t.test('outrider: an unknown Dataplane exits 1', async (t) => {
  const config = t.testdir({ 'mesh.yaml': dataplane(10080) })
  const run = startOutrider(t, ['run', '--config', config, '--name', 'wbe', '--admin', '0'])
  t.equal(await run.exit, 1)
  t.match(run.err(), /wbe.*web/)
})

t.test('outrider: a port in use exits 3 and names it', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const config = t.testdir({ 'mesh.yaml': dataplane(port) })
  const run = startOutrider(t, ['run', '--config', config, '--name', 'web', '--admin', '0'])
  t.equal(await run.exit, 3)
  t.match(run.err(), new RegExp(`EADDRINUSE.*${port}`))
  const admin = startOutrider(t, ['run', '-c', config, '--name', 'web', '--admin', `${port}`])
  t.equal(await admin.exit, 3)
  t.match(admin.err(), 'choose another with --admin')
})

t.test('outrider: explain follows a request, and says what it needs', async (t) => {
  const config = t.testdir({ 'mesh.yaml': dataplane(10080) })
  const at = ['--config', config, '--name', 'web']
  const text = startOutrider(t, ['explain', ...at, 'GET', 'http://127.0.0.1:10080/'])
  t.equal(await text.exit, 0)
  t.match(text.out(), 'it is bound to 127.0.0.1:10080')
  const json = startOutrider(t, ['explain', ...at, '--json', 'GET', 'http://127.0.0.1:1/'])
  t.equal(await json.exit, 0)
  t.match(JSON.parse(json.out()), { listener: null })
  const usage = startOutrider(t, ['explain', ...at, 'GET', 'http://a/', '-H', 'nonsense'])
  t.equal(await usage.exit, 2)
  t.match(usage.err(), "-H 'name: value'")
})
