import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startOutrider } from './support/outrider.ts'

const root = join(import.meta.dirname, '..')

t.test('bundle: what is shipped runs, with its admin pages', async (t) => {
  const home = t.testdir({
    'package.json': readFileSync(join(root, 'package.json'), 'utf8'),
    'envoy.json': '{"static_resources": {"clusters": []}}',
  })
  execFileSync(process.execPath, [join(root, 'bundle.ts'), join(home, 'dist')], { cwd: root })
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
