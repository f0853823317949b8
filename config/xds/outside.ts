import { readFileSync } from 'node:fs'
import type { Outside } from './values.ts'

/** The files and the environment of this process. */
export const processOutside: Outside = {
  file: (path) => readFileSync(path, 'utf8'),
  environment(name) {
    const value = process.env[name]
    if (value === undefined) throw new Error(`the environment has no ${name}`)
    return value
  },
}
