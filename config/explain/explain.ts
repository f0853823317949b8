import { normalizePath } from '../../proxy/http/normalize-path.ts'
import type { NamedMatch } from '../../proxy/matcher.ts'
import type { HttpFilter, TcpFilter } from '../../proxy/model/listener.ts'
import type { Route } from '../../proxy/model/route.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import { requestField } from '../../proxy/policies/request-field.ts'
import { type CompiledRoute, compileTable } from '../../proxy/route/compile.ts'
import { firstValue, routesFor } from '../../proxy/route/match.ts'
import type { Compilation } from '../kuma/compile.ts'
import type { Effective } from '../kuma/compiling.ts'
import { type Callers, callersAt } from './callers.ts'
import { allRefuse, clustersOf, type ExplainedCluster, unanswered } from './clusters.ts'
import { findListener, knownPlaces } from './listener.ts'
import { type Neighbour, noNeighbour } from './neighbours.ts'

/** A request as a person asks about it. */
export interface Question {
  readonly method: string
  /** `http://backend.mesh/path`, by the name of a destination, or `http://127.0.0.1:10001/path`, by a listener's address. */
  readonly url: URL
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[]
}

/** What a request would meet, and why. JSON-safe. */
export interface Explanation {
  readonly request: { readonly method: string; readonly authority: string; readonly path: string }
  /** Null when no listener of the proxy takes it. */
  readonly listener: { readonly name: string; readonly why: string } | null
  /** What could have been asked for, when there is no listener. */
  readonly known: readonly string[]
  readonly routes: readonly ExplainedRoute[]
  /** In words. */
  readonly action: string
  /** Who may call; null at outbounds, where the application does. */
  readonly callers: Callers | null
  readonly clusters: readonly ExplainedCluster[]
  /** Kuma policies that hold, with the resource behind each field. */
  readonly policies: readonly Effective[]
}

export interface ExplainedRoute {
  readonly name: string
  readonly verdict: 'taken' | 'passed over' | 'not reached'
  readonly why: string
}

/**
 * Follows a request through what was compiled, with the predicates of the data path itself. Of endpoints that
 * `neighbour` knows it says whether they let us in.
 */
export function explain(
  compilation: Compilation,
  question: Question,
  neighbour: Neighbour = noNeighbour,
): Explanation {
  const { method, url } = question
  const found = findListener(compilation, url)
  const nothing: Explanation = {
    request: { method, authority: url.host, path: url.pathname + url.search },
    listener: null,
    known: [],
    routes: [],
    action: 'nothing: no listener',
    callers: null,
    clusters: [],
    policies: [],
  }
  if (found === null) return { ...nothing, known: knownPlaces(compilation) }
  const { listener, chain, why } = found
  const at: Explanation = {
    ...nothing,
    listener: { name: listener.name, why },
    action: 'close the connection: no chain takes it',
    policies: policiesAt(compilation, [listener.name]),
  }
  if (chain === null) return at
  const { filter } = chain
  const callers = callersAt(compilation, listener, chain)
  const asking: Asking = { compilation, listener: listener.name, neighbour }
  const answered =
    filter.kind === 'tcp'
      ? explainBytes(asking, filter)
      : explainRequest(asking, filter, at.request, question)
  const refused = callers?.nobody === true ? { action: refusalText(filter.kind) } : {}
  return { ...at, ...answered, callers, ...refused }
}

const refusalText = (kind: 'http' | 'tcp'): string =>
  kind === 'http' ? 'answer 403: nobody may call (UAEX)' : 'close the connection: nobody may call'

/** Where a request has come in. */
interface Asking {
  readonly compilation: Compilation
  readonly listener: string
  readonly neighbour: Neighbour
}

const policiesAt = ({ effective }: Compilation, places: readonly string[]): readonly Effective[] =>
  effective.filter(({ place }) => places.includes(place) || place.startsWith('Dataplane/'))

function explainBytes(
  { compilation, listener, neighbour }: Asking,
  filter: TcpFilter,
): Partial<Explanation> {
  const clusters = clustersOf(compilation, filter.clusters, neighbour)
  const nobody = clusters.every(({ endpoints }) => endpoints.length === 0)
  return {
    action: nobody
      ? 'close the connection: nobody is there to send it to'
      : `forward the bytes of the connection${allRefuse(clusters) ? refusedText(compilation, 'closes it') : ''}`,
    clusters,
    policies: policiesAt(compilation, [listener, ...clusters.map(({ name }) => name)]),
  }
}

function refusedText({ identity }: Compilation, how: string): string {
  return `; every endpoint ${how}: ${identity?.spiffeIds.join(', ')} may not call there`
}

function explainRequest(
  { compilation, listener, neighbour }: Asking,
  filter: HttpFilter,
  request: Explanation['request'],
  question: Question,
): Partial<Explanation> {
  const { snapshot } = compilation
  const path = normalizePath(request.path, filter.normalizePath, filter.mergeSlashes)
  const routes = judgeRoutes(snapshot, filter, { ...question, ...request, path })
  const taken = routes.find(({ verdict }) => verdict === 'taken')?.route ?? null
  const targets = taken?.action.kind === 'forward' ? taken.action.clusters : []
  const clusters = clustersOf(compilation, targets, neighbour)
  const refused = allRefuse(clusters) ? refusedText(compilation, 'answers 403') : ''
  return {
    request: { ...request, path },
    routes: routes.map(({ route, verdict, why }) => ({ name: route.name, verdict, why })),
    action:
      taken === null
        ? 'answer 404: no route matches (NR)'
        : (unanswered(clusters) ?? actionText(taken)) + refused,
    clusters,
    policies: policiesAt(compilation, [
      listener,
      ...(taken === null ? [] : [`${listener} route ${taken.name}`]),
      ...targets.map(({ cluster }) => cluster),
    ]),
  }
}

interface Asked extends Question {
  readonly path: string
  readonly authority: string
}

interface Judged {
  readonly route: Route
  readonly verdict: ExplainedRoute['verdict']
  readonly why: string
}

function judgeRoutes(
  snapshot: Snapshot,
  { routeTable }: HttpFilter,
  asked: Asked,
): readonly Judged[] {
  const table = snapshot.routeTables.find(({ name }) => name === routeTable)
  if (table === undefined) return []
  const compiled = routesFor(
    compileTable(table, [], 'explain', () => ({})),
    asked.authority,
  )
  const host = table.virtualHosts.find(({ routes }) =>
    routes.every(({ name }, index) => name === compiled?.[index]?.name),
  )
  if (host === undefined) return []
  let taken = false
  return host.routes.map((route, index) => {
    if (taken) return { route, verdict: 'not reached', why: 'an earlier route matched' }
    const why = whyNot(route, compiled?.[index], asked)
    taken = why === null
    return taken
      ? { route, verdict: 'taken', why: 'the first that matches' }
      : { route, verdict: 'passed over', why: why ?? '' }
  })
}

/** The first part of a route's match that does not hold; null when all do. */
function whyNot(route: Route, compiled: CompiledRoute | undefined, asked: Asked): string | null {
  if (compiled === undefined) return 'its virtual host is another'
  const [path = '', query = ''] = asked.path.split(/\?(.*)/s)
  const { match } = route
  if (!compiled.path(path)) return `the path ${path} is not ${match.path.kind} ${match.path.value}`
  if (compiled.methods.length > 0 && !compiled.methods.includes(asked.method)) {
    return `the method ${asked.method} is not ${compiled.methods.join(' or ')}`
  }
  const head = { ...asked, scheme: 'http' as const, requestHeaders: asked.headers }
  for (const [index, test] of compiled.headers.entries()) {
    const named = match.headers[index]
    if (named !== undefined && !test(head)) {
      return mismatch('header', named, requestField(head, named.name.toLowerCase()))
    }
  }
  const parameters = query.split('&')
  for (const [index, { name, test }] of compiled.query.entries()) {
    const value = firstValue(parameters, name)
    if (!test(value)) return mismatch('query parameter', match.query[index], value)
  }
  return null
}

function mismatch(what: string, named: NamedMatch | undefined, value: string | null): string {
  if (named === undefined) return `a ${what} does not match`
  const { match, name } = named
  const wanted = 'value' in match ? `${match.kind} ${JSON.stringify(match.value)}` : match.kind
  const has = value === null ? 'is not there' : `is ${JSON.stringify(value)}`
  return `the ${what} ${name} ${has}, wanted${named.invert ? ' not' : ''} ${wanted}`
}

function actionText({ action }: Route): string {
  switch (action.kind) {
    case 'forward':
      return action.clusters.length === 0
        ? 'answer 500: every backendRef of the route is unknown'
        : 'forward'
    case 'redirect':
      return `redirect with ${action.status}`
    case 'direct':
      return `answer ${action.status}`
    default:
      return action satisfies never
  }
}
