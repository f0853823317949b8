import { readFileSync } from 'node:fs'
import { dispatch } from './dispatch.ts'

// The only place that reads arguments and environment, and the only one that ends the process.

/** From source the package is one folder up, in a build two. */
const packageFile = import.meta.filename.endsWith('.ts') ? '../package.json' : '../../package.json'
const { version } = JSON.parse(readFileSync(new URL(packageFile, import.meta.url), 'utf8'))

// Whoever read our output has gone: nothing to do about it, and no reason to stop serving.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

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
})
process.exit(code)
