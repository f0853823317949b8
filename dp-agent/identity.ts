import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from '../proxy/clock.ts'
import type { Log } from '../proxy/log.ts'
import { isoTime } from '../proxy/telemetry/strftime.ts'
import {
  type IdentityFiles,
  type LoadedIdentity,
  loadIdentity,
  readIdentityFiles,
} from './identity-files.ts'

/** The files of a renewal are written one after another; they are read so long after the last event. */
const settleMs = 100
/** For file systems that send no events, and for events that got lost. */
const pollMs = 5_000
/** Issuers renew at this share of a certificate's life at the latest. Kuma: 4/5. */
const renewalShare = 0.8

export interface IdentityDirectoryOptions {
  readonly dir: string
  readonly clock: Clock
  readonly log: Log
}

/** A directory with our certificate, watched. */
export interface IdentityDirectory {
  /** Gives the identity at once if it is there, then whenever it has changed and its files belong together. */
  start(give: (identity: LoadedIdentity) => void): void
  stop(): void
}

interface State {
  readonly options: IdentityDirectoryOptions
  /** Null while stopped. */
  give: ((identity: LoadedIdentity) => void) | null
  files: IdentityFiles | null
  identity: LoadedIdentity | null
  /** What was logged last, so that it is said once. */
  problem: string | null
  warned: 'no' | 'due' | 'expired'
  readonly watchers: Map<string, FSWatcher>
  settle: Timer | null
  poll: Timer | null
}

/**
 * Our identity from a directory (`tls.crt`, `tls.key`, `ca.crt`, `bundles/<trust-domain>.pem`). A renewal is taken up
 * when all of it is there: while certificate and key do not match, or a file cannot be read, the old identity stays.
 * The directory is watched, not its files, so that renames and the swap of Kubernetes' `..data` link are seen.
 */
export function identityDirectory(options: IdentityDirectoryOptions): IdentityDirectory {
  const state: State = {
    options,
    give: null,
    files: null,
    identity: null,
    problem: null,
    warned: 'no',
    watchers: new Map(),
    settle: null,
    poll: null,
  }
  return {
    start(give) {
      state.give = give
      look(state)
      state.poll = options.clock.every(pollMs, () => look(state))
    },
    stop() {
      state.give = null
      state.poll?.cancel()
      state.settle?.cancel()
      for (const watcher of state.watchers.values()) watcher.close()
      state.watchers.clear()
    },
  }
}

function look(state: State): void {
  watchDirectory(state, state.options.dir)
  watchDirectory(state, join(state.options.dir, 'bundles'))
  read(state)
  warn(state)
}

function read(state: State): void {
  const files = readIdentityFiles(state.options.dir)
  if (!files.ok) {
    complain(state, files.message)
    return
  }
  if (isDeepStrictEqual(files.value, state.files)) {
    state.problem = null
    return
  }
  const identity = loadIdentity(files.value)
  if (!identity.ok) {
    complain(state, identity.message)
    return
  }
  state.files = files.value
  state.problem = null
  state.warned = 'no'
  takeUp(state, identity.value)
}

const iso = isoTime()

function takeUp(state: State, identity: LoadedIdentity): void {
  state.options.log.info(state.identity === null ? 'identity read' : 'identity renewed', {
    spiffeId: identity.spiffeIds.join(', '),
    notAfter: iso(identity.notAfter),
    bundles: identity.bundles.length,
  })
  state.identity = identity
  state.give?.(identity)
}

function complain(state: State, message: string): void {
  if (message === state.problem) return
  state.problem = message
  const { dir, log } = state.options
  if (state.identity === null) log.warn(`no identity yet: ${message}`, { dir })
  else log.warn(`the identity in use stays: ${message}`, { dir })
}

/** Says once that a renewal is due, and once that it has not come. Timers cannot: they do not reach that far. */
function warn(state: State): void {
  const { identity, warned } = state
  if (identity === null || warned === 'expired') return
  const { clock, log, dir } = state.options
  const now = clock.wall()
  const { notBefore, notAfter } = identity
  const facts = { dir, notAfter: iso(notAfter) }
  if (now > notAfter) {
    state.warned = 'expired'
    log.error('our certificate has expired: peers refuse it until it is renewed', facts)
  } else if (warned === 'no' && now > notBefore + (notAfter - notBefore) * renewalShare) {
    state.warned = 'due'
    log.warn('our certificate should have been renewed by now', facts)
  }
}

function watchDirectory(state: State, dir: string): void {
  if (state.watchers.has(dir)) return
  const forget = (watcher: FSWatcher): void => {
    watcher.close()
    state.watchers.delete(dir)
  }
  try {
    const watcher = watch(dir, { persistent: false }, () => changed(state))
    // The directory is gone, or the system is out of watches: the poll goes on.
    watcher.on('error', () => forget(watcher))
    state.watchers.set(dir, watcher)
  } catch {
    // The same, at once.
  }
}

function changed(state: State): void {
  if (state.give === null) return
  state.settle?.cancel()
  state.settle = state.options.clock.after(settleMs, () => look(state))
}
