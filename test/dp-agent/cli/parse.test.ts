import t from 'tap'
import { toggle } from '../../../dp-agent/cli/option.ts'
import { readArguments, shownValues } from '../../../dp-agent/cli/parse.ts'
import { commands } from '../../../dp-agent/options.ts'

const read = (argv: string[], env: Record<string, string> = {}) =>
  readArguments(commands.run, argv, env)

const messages = (argv: string[], env: Record<string, string> = {}) => {
  const usage = read(argv, env)
  return usage.ok ? [] : usage.messages
}

t.test('options: a flag wins over the environment, and that over the default', async (t) => {
  const env = { OUTRIDER_NAME: 'from-env', KUMA_DATAPLANE_MESH: 'blue', OUTRIDER_WORKERS: '' }
  const usage = read(['--name', 'from-flag'], env)
  t.ok(usage.ok)
  if (!usage.ok) return
  t.equal(usage.values.name, 'from-flag')
  t.equal(usage.values.mesh, 'blue')
  t.equal(usage.values.workers, 1, 'an empty variable counts as not set')
  t.equal(usage.values.drainTimeMs, 30_000)
  t.same(usage.values.admin, { host: '127.0.0.1', port: 9901 })
})

t.test('options: our own variable wins over the one of kuma-dp', async (t) => {
  const usage = read([], { OUTRIDER_NAME: 'ours', KUMA_DATAPLANE_NAME: 'theirs' })
  t.equal(usage.ok && usage.values.name, 'ours')
})

t.test('options: a list repeats the flag, or separates by commas in the environment', async (t) => {
  const flags = read(['-c', 'a.yaml', '--config=b'])
  t.same(flags.ok && flags.values.config, ['a.yaml', 'b'])
  const env = read([], { OUTRIDER_CONFIG: 'a.yaml, b' })
  t.same(env.ok && env.values.config, ['a.yaml', 'b'])
})

t.test('options: an unknown flag names the nearest one', async (t) => {
  t.same(messages(['--drian-time', '3s']).slice(0, 1), [
    'unknown option --drian-time; did you mean --drain-time?',
  ])
  t.same(messages(['--zzzzzzzz']), ['unknown option --zzzzzzzz'])
})

t.test('options: every mistake is reported at once', async (t) => {
  t.same(messages(['--workers', 'many', '--admin', 'nowhere', 'stray']), [
    'unexpected argument "stray"',
    '--workers must be a whole number from 0 to 64, got "many"',
    '--admin must be host:port, as in 127.0.0.1:9901, got "nowhere"',
  ])
})

t.test('options: a flag does not swallow the next one as its value', async (t) => {
  t.same(messages(['--name', '--mesh', 'blue']).slice(0, 1), ['--name needs a value: <dataplane>'])
  t.same(messages(['--name']), ['--name needs a value: <dataplane>'])
})

t.test('options: a bad variable is blamed by its own name', async (t) => {
  t.same(messages([], { KUMA_DATAPLANE_DRAIN_TIME: 'soon' }), [
    'KUMA_DATAPLANE_DRAIN_TIME must be a duration such as 30s, 1m30s or 500ms, got "soon"',
  ])
})

t.test('options: durations are read in the notation of Go', async (t) => {
  for (const [text, ms] of [
    ['0', 0],
    ['500ms', 500],
    ['1.5s', 1_500],
    ['1m30s', 90_000],
    ['2h', 7_200_000],
  ] as const) {
    const usage = read(['--drain-time', text])
    t.equal(usage.ok && usage.values.drainTimeMs, ms, text)
  }
})

t.test('options: addresses may be a bare port, host:port or [v6]:port', async (t) => {
  for (const [text, host, port] of [
    ['0', '127.0.0.1', 0],
    ['localhost:80', 'localhost', 80],
    ['[::1]:9901', '::1', 9901],
  ] as const) {
    const usage = read(['--admin', text])
    t.same(usage.ok && usage.values.admin, { host, port }, text)
  }
  t.equal(messages(['--admin', '127.0.0.1:70000']).length, 1)
  t.equal(messages(['--admin', '::1']).length, 1)
})

t.test('options: a switch takes no value on the command line', async (t) => {
  const command = {
    summary: '',
    positionals: '<file>',
    options: { json: toggle({ flag: 'json', help: '' }) },
  }
  t.same(readArguments(command, ['--json=1', 'a'], {}), {
    ok: false,
    messages: ['--json takes no value but true or false'],
  })
  const given = readArguments(command, ['--json', 'a'], {})
  t.equal(given.ok && given.values.json, true)
  const env = readArguments(command, ['a', '--', '--json'], { OUTRIDER_JSON: 'false' })
  t.equal(env.ok && env.values.json, false)
  t.same(env.ok && env.positionals, ['a', '--json'])
})

t.test('options: a flag may have a second name, and a switch may say true or false', async (t) => {
  for (const argv of [['--workers', '3'], ['--concurrency=3']]) {
    const usage = read(argv)
    t.equal(usage.ok && usage.values.workers, 3)
  }
  const usage = read(['--skip-verify=false', '--bind-outbounds=true', '-d', '-', '-v', 'a=b'])
  t.match(usage.ok && usage.values, {
    skipVerify: false,
    bindOutbounds: true,
    dataplaneFile: '-',
    dataplaneVar: ['a=b'],
  })
})

t.test(
  'options: flags of kuma-dp without effect are taken, with and without a value',
  async (t) => {
    const usage = read([
      '--dns-enable-logging',
      '--binary-path',
      'envoy',
      '--log-max-size=1',
      '--mesh',
      'a',
    ])
    t.match(usage.ok && usage.values, {
      dnsEnableLogging: true,
      binaryPath: true,
      logMaxSize: true,
      logMaxAge: false,
      mesh: 'a',
    })
  },
)

t.test('options: secrets are not among the values that may be shown', async (t) => {
  const usage = read(['--dataplane-token', 'a.b.c', '--name', 'web', '--binary-path', 'x'])
  const shown = usage.ok ? shownValues(commands.run.options, usage.values) : {}
  t.match(shown, { dataplaneToken: '(secret)', name: 'web', mesh: 'default' })
  t.notOk(Object.hasOwn(shown, 'binaryPath'))
  t.notMatch(JSON.stringify(shown), 'a.b.c')
})
