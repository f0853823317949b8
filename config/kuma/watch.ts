import { type FSWatcher, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Environment } from '../environment.ts'
import { type Emission, hasErrors, type Source } from '../source.ts'
import { compile } from './compile.ts'
import { filesOf } from './data-source.ts'
import { type Loaded, newLoader } from './load.ts'

/** A burst of changes (an editor, `git checkout`) is read once, so long after its last event. */
const settleMs = 50
/** A burst that does not end is read all the same. */
const longestMs = 500
/** For file systems that send no events (some mounts), and for events that got lost. */
const pollMs = 2_000

export interface KumaFilesOptions {
  readonly paths: readonly string[]
  readonly mesh: string
  /** Name of our Dataplane. */
  readonly name: string
  readonly clock: Clock
  /** What data sources may name. */
  readonly environment: Environment
}

/**
 * Kuma resources from files and directories as a source. Emits at once, and again whenever what the paths hold has
 * changed. Directories are watched, not files, so that a rename over a file and the swap of a `..data` link (how
 * Kubernetes replaces a ConfigMap) are seen every time. With an error anywhere the snapshot is null.
 */
export function kumaFiles(options: KumaFilesOptions): Source {
  const state: State = {
    options,
    loader: newLoader(options.environment),
    emit: null,
    texts: '',
    looked: [],
    stamp: '',
    watchers: new Map(),
    settle: null,
    firstEventAt: 0,
    poll: null,
  }
  return {
    start(emit) {
      state.emit = emit
      state.texts = ''
      read(state)
      state.poll = options.clock.every(pollMs, () => {
        if (stampOf(state.looked) !== state.stamp) read(state)
      })
    },
    staleSince: () => null,
    stop() {
      state.emit = null
      state.poll?.cancel()
      state.settle?.cancel()
      state.settle = null
      for (const watcher of state.watchers.values()) watcher.close()
      state.watchers.clear()
    },
  }
}

interface State {
  readonly options: KumaFilesOptions
  readonly loader: ReturnType<typeof newLoader>
  /** Null while stopped. */
  emit: ((emission: Emission) => void) | null
  /** What was read last, to tell a change from a touch. */
  texts: string
  /** Everything that was looked at, and its sizes and times. */
  looked: readonly string[]
  stamp: string
  readonly watchers: Map<string, FSWatcher>
  settle: Timer | null
  firstEventAt: number
  poll: Timer | null
}

function read(state: State): void {
  if (state.emit === null) return
  const { paths } = state.options
  const loaded = state.loader.load(paths)
  watchDirectories(state, loaded)
  const certificates = filesOf(loaded.resources)
  state.looked = [
    ...paths,
    ...loaded.directories,
    ...loaded.files.map(({ path }) => path),
    ...certificates,
  ]
  state.stamp = stampOf(state.looked)
  const texts = JSON.stringify([
    loaded.files.map(({ path, text }) => [path, text]),
    loaded.problems.filter(({ resource }) => resource === ''),
    stampOf(certificates),
  ])
  if (texts === state.texts) return
  state.texts = texts
  state.emit(emissionOf(loaded, state.options))
}

function emissionOf(loaded: Loaded, { mesh, name, environment }: KumaFilesOptions): Emission {
  const nothing = { snapshot: null, settings: null, identity: null }
  if (hasErrors(loaded.problems)) return { ...nothing, problems: loaded.problems }
  const { compilation, problems } = compile(loaded.resources, mesh, name, environment)
  const all = [...loaded.problems, ...problems]
  if (compilation === null) return { ...nothing, problems: all }
  const { snapshot, settings, identity } = compilation
  return { snapshot, settings, identity, problems: all }
}

/** Watches what was read: directories, and those of files that were named themselves. */
function watchDirectories(state: State, { directories, files }: Loaded): void {
  const wanted = new Set([...directories, ...files.map(({ path }) => dirname(path))])
  for (const [directory, watcher] of state.watchers) {
    if (wanted.has(directory)) continue
    watcher.close()
    state.watchers.delete(directory)
  }
  for (const directory of wanted) {
    if (state.watchers.has(directory)) continue
    try {
      const watcher = watch(directory, { persistent: false }, () => changed(state))
      // The directory is gone, or the system is out of watches: the poll goes on.
      watcher.on('error', () => {
        watcher.close()
        state.watchers.delete(directory)
      })
      state.watchers.set(directory, watcher)
    } catch {
      // The same, at once.
    }
  }
}

function changed(state: State): void {
  const { clock } = state.options
  if (state.emit === null) return
  if (state.settle === null) state.firstEventAt = clock.now()
  else if (clock.now() - state.firstEventAt > longestMs) return
  state.settle?.cancel()
  state.settle = clock.after(settleMs, () => {
    state.settle = null
    read(state)
  })
}

/** Sizes, times and inode numbers of everything that was read; changes when anything of it does. */
function stampOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? '-' : `${stat.size}:${stat.mtimeMs}:${stat.ino}`
    })
    .join(' ')
}
