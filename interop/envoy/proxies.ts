import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePort, type Program, startProgram } from '../../bench/processes.ts'
import type { Addresses, Case } from './case.ts'

export const proxyNames = ['envoy', 'outrider'] as const
export type ProxyName = (typeof proxyNames)[number]

/** A proxy that serves the bootstrap of a case on `port`. */
export interface RunningProxy extends Program {
  readonly name: ProxyName
  readonly port: number
}

const main = join(import.meta.dirname, '../../dp-agent/main.ts')

/** Command lines for a bootstrap, as their users have them. */
const commands = {
  envoy: (file) => [
    ...['envoy', '-c', file, '--concurrency', '1', '--log-level', 'warning'],
    ...['--use-dynamic-base-id', '--disable-hot-restart', '--drain-time-s', '0'],
  ],
  outrider: (file, admin) => [
    ...[process.execPath, '--max-semi-space-size=4', '--optimize-for-size', main, 'run'],
    ...['--bootstrap', file, '--admin', `127.0.0.1:${admin}`],
    ...['--drain-time', '0s', '--log-format', 'text'],
  ],
} as const satisfies Record<ProxyName, (file: string, admin: number) => readonly string[]>

/**
 * Starts one for a case; its bootstrap is in `dir`, and differs from the other's in the port of the listener alone. Throws
 * with its words when it does not come up.
 */
export async function startProxy(
  name: ProxyName,
  one: Case,
  at: Omit<Addresses, 'listener'>,
  dir: string,
): Promise<RunningProxy> {
  const port = await freePort()
  const file = join(dir, `${name}.yaml`)
  const node = { id: 'sidecar', cluster: 'app' }
  const config = { node, static_resources: one.config({ ...at, listener: port }) }
  // Quoted, since what `yes` is depends on the version of YAML.
  const text = stringify(config, {
    aliasDuplicateObjects: false,
    defaultStringType: 'QUOTE_DOUBLE',
  })
  writeFileSync(file, text)
  const [command = name, ...args] = commands[name](file, await freePort())
  return { name, port, ...(await startProgram(command, args, port)) }
}
