import { systemClock } from '../../proxy/clock.ts'
import type { Terminal } from '../dispatch.ts'
import type { PkiInitOptions, PkiIssueOptions, PkiShowOptions } from '../options.ts'
import { pkiInit, pkiIssue } from '../pki/commands.ts'
import { pkiShow } from '../pki/show.ts'

/** `outrider pki init`. */
export async function runInit(
  options: PkiInitOptions,
  _positionals: readonly string[],
  terminal: Terminal,
): Promise<number> {
  return exitCode(pkiInit(options, env(terminal)), terminal)
}

/** `outrider pki issue`. */
export async function runIssue(
  options: PkiIssueOptions,
  [spiffeId, ...rest]: readonly string[],
  terminal: Terminal,
): Promise<number | string> {
  if (spiffeId === undefined || rest.length > 0) return 'name one SPIFFE ID: spiffe://default/web'
  return exitCode(pkiIssue({ ...options, spiffeId }, env(terminal)), terminal)
}

/** `outrider pki show`. */
export async function runShow(
  { ca }: PkiShowOptions,
  [path, ...rest]: readonly string[],
  terminal: Terminal,
): Promise<number | string> {
  if (path === undefined || rest.length > 0) return 'name one PEM file or identity directory'
  return exitCode(pkiShow({ path, ca }, env(terminal)), terminal)
}

const env = ({ out }: Terminal) => ({ clock: systemClock, out })

function exitCode(problem: string | null, terminal: Terminal): number {
  if (problem === null) return 0
  terminal.err(`${problem}\n`)
  return 1
}
