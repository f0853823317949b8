import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { which } from '../bench/processes.ts'
import { cases } from './envoy/cases.ts'
import { runCase } from './envoy/run.ts'
import { arrange } from './envoy/surroundings.ts'
import { newReport } from './report.ts'

/**
 * `npm run interop:envoy`: one bootstrap after another is run by an Envoy (on PATH) and by Outrider; what the same requests
 * bring back, and what applications see of them, must be equal. `--only <text>` runs the cases whose names have it; `--keep`
 * leaves the bootstraps of the last case where they are.
 */

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, keep: { type: 'boolean', default: false } },
})

if (which('envoy') === null) {
  console.log('skipped: there is no envoy on PATH')
} else {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-envoy-'))
  const report = newReport(32)
  const around = await arrange(dir)
  try {
    for (const one of cases.filter(({ name }) => name.includes(values.only))) {
      report.line(one.name, await runCase(one, around))
    }
  } finally {
    for (const app of around.apps) app.stop()
    if (values.keep) console.log(`bootstraps: ${dir}`)
    else rmSync(dir, { recursive: true, force: true })
  }
  if (report.failures > 0) process.exitCode = 1
}
