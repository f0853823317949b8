import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dispatch } from './dispatch.ts'

// The only place that reads arguments and environment, and the only one that ends the process.

/** From source the package is one folder up, in a build two. */
const root = join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? '..' : '../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// The launcher looks for a newer one; who starts this file directly is told.
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`outrider needs Node 24 or newer; this is ${process.version}\n`)
  process.exit(2)
}

// A plain object. Node's own asks the system at each reading, and the YAML library reads a variable at each token: a
// seventh of the time of a large mesh.
process.env = { ...process.env }

// Whoever read our output has gone: nothing to do about it, and no reason to stop serving.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

// Started by a parent that keeps a channel open (the demo): its end, however it came, is ours.
// It may have come while we were being loaded.
if (process.send !== undefined) {
  process.on('disconnect', () => process.exit(0))
  if (!process.connected) process.exit(0)
}

process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack ?? error}\n`)
  process.exit(70)
})

const code = await dispatch(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  errIsTerminal: process.stderr.isTTY === true,
  env: process.env,
  signals: process,
  version,
  program: import.meta.filename,
  root,
  colour: process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '',
})
process.exit(code)
