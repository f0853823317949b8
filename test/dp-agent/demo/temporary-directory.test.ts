import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../../../dp-agent/demo/temporary-directory.ts'

t.test('temporary directory: only we can look into it, and it goes when told', async (t) => {
  const { path, remove } = temporaryDirectory('outrider-test-')
  t.equal(statSync(path).mode & 0o777, 0o700)
  writeFileSync(join(path, 'key'), 'secret')
  await remove()
  t.notOk(existsSync(path))
})

t.test('temporary directory: goes even when its owner is killed', async (t) => {
  const module = new URL('../../../dp-agent/demo/temporary-directory.ts', import.meta.url).href
  const program = `import { temporaryDirectory } from ${JSON.stringify(module)}
    console.log(temporaryDirectory("outrider test-").path)
    setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { TMPDIR: t.testdir() },
  })
  t.teardown(() => owner.kill('SIGKILL'))
  const [line] = await once(owner.stdout, 'data')
  const path = String(line).trimEnd()
  t.ok(existsSync(path))
  owner.kill('SIGKILL')
  while (existsSync(path)) await new Promise((resolve) => setImmediate(resolve))
})
