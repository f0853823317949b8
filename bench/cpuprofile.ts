import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { table } from './table.ts'

/** The part of a V8 `.cpuprofile` that is read here. Times are in microseconds. Source: Chrome DevTools Protocol, `Profiler.Profile`. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    readonly lineNumber: number
  }
  readonly children?: readonly number[]
}

/** One function, summed over every place it was called from. `totalMs` includes its callees; recursion is counted once. */
export interface FunctionTime {
  readonly name: string
  readonly file: string
  selfMs: number
  totalMs: number
}

/** Functions by falling self time, and the time the thread was not waiting. */
export interface ProfileTimes {
  readonly functions: readonly FunctionTime[]
  readonly busyMs: number
}

// V8's own names for "nothing to do"; time spent there says nothing about the program.
const waiting = new Set(['(idle)', '(root)', 'epoll_wait', 'kevent'])

/** Sums the samples of a profile by function. */
export function profileTimes(profile: CpuProfile): ProfileTimes {
  const selfUs = new Map<number, number>()
  profile.samples.forEach((id, i) => {
    selfUs.set(id, (selfUs.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0))
  })
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const functions = new Map<string, FunctionTime>()
  const root = profile.nodes[0]
  if (root) sumNode(root, nodes, selfUs, functions, new Set())
  const bySelf = [...functions.values()].sort((a, b) => b.selfMs - a.selfMs)
  return {
    functions: bySelf.filter((f) => !waiting.has(f.name)),
    busyMs: bySelf.reduce((ms, f) => (waiting.has(f.name) ? ms : ms + f.selfMs), 0),
  }
}

/** Adds the tree under `node` to `functions` and returns its microseconds. `open` holds the functions on the stack above. */
function sumNode(
  node: ProfileNode,
  nodes: ReadonlyMap<number, ProfileNode>,
  selfUs: ReadonlyMap<number, number>,
  functions: Map<string, FunctionTime>,
  open: Set<string>,
): number {
  const { functionName, url, lineNumber } = node.callFrame
  const key = `${functionName} ${url}:${lineNumber}`
  let entry = functions.get(key)
  if (!entry) {
    entry = {
      name: functionName || '(anonymous)',
      file: place(url, lineNumber),
      selfMs: 0,
      totalMs: 0,
    }
    functions.set(key, entry)
  }
  const outermost = !open.has(key)
  open.add(key)
  const ownUs = selfUs.get(node.id) ?? 0
  let us = ownUs
  for (const id of node.children ?? []) {
    const child = nodes.get(id)
    if (child) us += sumNode(child, nodes, selfUs, functions, open)
  }
  if (outermost) open.delete(key)
  entry.selfMs += ownUs / 1000
  if (outermost) entry.totalMs += us / 1000
  return us
}

function place(url: string, lineNumber: number): string {
  if (url === '') return ''
  const path = url.startsWith('file:') ? relative(process.cwd(), fileURLToPath(url)) : url
  return `${path}:${lineNumber + 1}`
}

/** The `top` functions by self time, then self time by file, as text. Percentages are of the busy time. */
export function formatProfile({ functions, busyMs }: ProfileTimes, top: number): string {
  const percent = (ms: number): string => `${((100 * ms) / busyMs).toFixed(1)}%`
  const rows = functions
    .slice(0, top)
    .map((f) => [percent(f.selfMs), f.selfMs.toFixed(0), percent(f.totalMs), f.name, f.file])
  const files = new Map<string, number>()
  for (const f of functions) {
    const file = f.file.replace(/:\d+$/, '') || f.name
    files.set(file, (files.get(file) ?? 0) + f.selfMs)
  }
  const fileRows = [...files]
    .sort((a, b) => b[1] - a[1])
    .slice(0, top)
    .map(([file, ms]) => [percent(ms), ms.toFixed(0), file])
  return [
    `busy ${busyMs.toFixed(0)} ms`,
    table(['self', 'ms', 'total', 'function', 'at'], rows, 3),
    table(['self', 'ms', 'file'], fileRows, 2),
  ].join('\n\n')
}
