import { readFileSync } from 'node:fs'
import type { Environment } from '../../environment.ts'
import type { Outside } from './values.ts'

/** The files of this machine and the environment of this process. */
export const newOutside = (serviceName: string, environment: Environment): Outside => ({
  serviceName,
  file: (path) => readFileSync(path, 'utf8'),
  environment(name) {
    const value = environment[name]
    if (value === undefined) throw new Error(`the environment has no ${name}`)
    return value
  },
})
