import { checkSnapshot } from '../../proxy/model/snapshot.ts'
import { compile } from '../kuma/compile.ts'
import { newLoader } from '../kuma/load.ts'
import { type Emission, hasErrors, type SourceProblem } from '../source.ts'
import type { FeedState } from './session.ts'

const nothing = { snapshot: null, settings: null, identity: null }

/** What a state of a feed means for the proxy `name` of `mesh`. */
export type Translate = (state: FeedState) => Emission

/** Keeps what it parsed, so that a patch costs what it changes. */
export function newTranslate(mesh: string, name: string): Translate {
  const loader = newLoader()
  return (state) => {
    if (state.format === 'model') return modelEmission(state)
    const files = [...state.resources].map(([key, resource]) => ({
      path: `feed:${key}`,
      text: JSON.stringify(resource),
    }))
    const { resources, problems } = loader.loadFiles(files)
    if (hasErrors(problems)) return { ...nothing, problems }
    const { compilation, problems: found } = compile(resources, mesh, name)
    const all = [...problems, ...found]
    if (compilation === null) return { ...nothing, problems: all }
    const { snapshot, settings, identity } = compilation
    return { snapshot, settings, identity, problems: all }
  }
}

/** The model itself: complete, secrets and all; the agent has nothing to add. */
function modelEmission({ resources }: FeedState): Emission {
  const lists: Record<string, unknown[]> = {}
  for (const { collection, resource } of resources.values()) {
    const list = lists[String(collection)] ?? []
    list.push(resource)
    lists[String(collection)] = list
  }
  const { snapshot, rejects } = checkSnapshot(lists)
  const problems = rejects.flatMap(({ kind, name, problems }) =>
    problems.map(({ path, message }) => problem(`${kind}/${name}`, path, message)),
  )
  if (problems.length > 0) return { ...nothing, problems }
  const metrics = {
    prometheus: null,
    openTelemetry: null,
    sidecar: { profile: 'all', include: [], exclude: [], includeUnused: false },
    applications: [],
  } as const
  const settings = { metrics, admin: { port: null }, bundles: [], dns: null }
  return { snapshot, settings, identity: null, problems: [] }
}

const problem = (resource: string, path: string, message: string): SourceProblem => ({
  file: 'feed',
  line: 0,
  column: 0,
  resource,
  path,
  message,
  hint: null,
  severity: 'error',
})
