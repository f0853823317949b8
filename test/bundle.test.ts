import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { startOutrider } from './support/outrider.ts'

const root = join(import.meta.dirname, '..')
const home = t.testdir({
  'package.json': readFileSync(join(root, 'package.json'), 'utf8'),
  'envoy.json': '{"static_resources": {"clusters": []}}',
})
execFileSync(process.execPath, [join(root, 'bundle.ts'), join(home, 'dist')], { cwd: root })

t.test('bundle: what is shipped runs, with its admin pages', async (t) => {
  const running = startOutrider(
    t,
    [
      'run',
      '--bootstrap',
      join(home, 'envoy.json'),
      '--admin',
      '127.0.0.1:0',
      '--drain-time',
      '0s',
    ],
    {},
    join(home, 'dist/dp-agent/main.js'),
  )
  const { host, port } = await running.logged('admin server listens')
  await running.logged('serving')
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(`http://${host}:${port}${path}`)
    t.equal(answer.status, 200, path)
    return answer.text()
  }
  t.equal((await get('/ready')).trim(), 'LIVE')
  t.match(await get('/metrics'), /^process_resident_memory_bytes \d+$/m)
  t.match(await get('/'), '<html')
  for (const path of ['/config_dump', '/stats', '/clusters', '/overview']) await get(path)
  running.kill('SIGTERM')
  t.equal(await running.exit, 0)
})

/** Everything that is loaded with a file, packages by name and our files by path. */
function loadedWith(file: string, loaded = new Set<string>()): ReadonlySet<string> {
  if (loaded.has(file)) return loaded
  loaded.add(file)
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
    /(?:^|[;}])import(?:[^"'();]*from)?"([^"]+)"/gm,
  )) {
    if (name.startsWith('.')) loadedWith(join(dirname(file), name), loaded)
    else loaded.add(name)
  }
  return loaded
}

t.test('bundle: a sidecar carries no package that it may never need', async (t) => {
  const dir = join(home, 'dist/dp-agent')
  const run = readdirSync(dir).find((name) => /^run-[A-Z0-9]+\.js$/.test(name)) ?? ''
  for (const file of [join(dir, 'main.js'), join(dir, run), join(home, 'dist/worker.js')]) {
    const loaded = [...loadedWith(file)]
    t.same(
      loaded.filter((name) => !name.startsWith('/') && !name.startsWith('node:')),
      [],
      file,
    )
    for (const path of loaded.filter((name) => name.startsWith('/'))) {
      t.notMatch(readFileSync(path, 'utf8'), /node_modules\/(@grpc|prom-client|protobufjs)\//, path)
    }
  }
})
