import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../proxy/clock.ts'
import { pkiInit, pkiIssue } from '../pki/commands.ts'
import { shiftPortsIn } from './ports.ts'

/** What the demo puts on disk, in a temporary directory that goes with it: a CA, an identity per service, logs. */
export interface DemoFolders {
  readonly work: string
  /** The resources: `config/demo` itself, or a copy with other ports. */
  readonly config: string
  remove(): void
}

const services = ['gateway', 'frontend', 'backend'] as const

/** Makes a throw-away CA and the identities that the resources imply. Throws when the disk will not have it. */
export function prepareFolders(demoConfig: string, offset: number, clock: Clock): DemoFolders {
  const work = mkdtempSync(join(tmpdir(), 'outrider-demo-'))
  const env = { clock, out: () => {} }
  const ca = join(work, 'ca')
  const day = 86_400_000
  const problems = [
    pkiInit({ dir: ca, trustDomain: 'default', expiryMs: day, force: false }, env),
    ...services.map((service) =>
      pkiIssue(
        {
          caDir: ca,
          dir: join(work, service),
          spiffeId: `spiffe://default/${service}`,
          dns: [],
          ip: [],
          expiryMs: day,
          request: false,
          force: false,
        },
        env,
      ),
    ),
  ].filter((problem) => problem !== null)
  if (problems.length > 0) throw new Error(problems.join('; '))
  return {
    work,
    config: offset === 0 ? demoConfig : copyShifted(demoConfig, join(work, 'config'), offset),
    remove: () => rmSync(work, { recursive: true, force: true }),
  }
}

function copyShifted(from: string, to: string, offset: number): string {
  mkdirSync(to)
  for (const file of readdirSync(from)) {
    writeFileSync(join(to, file), shiftPortsIn(readFileSync(join(from, file), 'utf8'), offset))
  }
  return to
}
