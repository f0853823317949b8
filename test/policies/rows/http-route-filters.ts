import type { Lab } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import { seededRandom } from '../../support/running-cluster.ts'

/** Something to refer to by label, port and section. */
export const service = `type: MeshService
name: shop
labels: {team: shop}
spec:
  selector: {dataplaneTags: {kuma.io/service: pool, version: v1}}
  ports: [{port: 80, name: main, targetPort: 8080, appProtocol: http}, {port: 81, name: none, targetPort: 9999, appProtocol: http}]`

/** What a service sees of a request, and the caller of its answer, through a rule for `/a`. */
async function passing(lab: Lab): Promise<unknown> {
  const { backend } = lab.services
  backend.answer = (_arrival, response) =>
    void response.writeHead(200, { 'x-say': 'old', 'x-drop': 'it' }).end()
  const { headers } = await lab.settled(
    lab.ask('/a/b?q=1', { headers: { host: 'shop.mesh', 'x-say': 'old', 'x-drop': 'it' } }),
  )
  const [arrival] = backend.arrivals
  return {
    path: arrival?.path,
    host: arrival?.headers.host,
    request: [arrival?.headers['x-say'], arrival?.headers['x-drop'] ?? null],
    response: [headers['x-say'], headers['x-drop'] ?? null],
  }
}

const untouched = {
  path: '/a/b?q=1',
  host: 'shop.mesh',
  request: ['old', 'it'],
  response: ['old', 'it'],
}

/** A filter of a rule for `/a`. */
const filter = (
  field: string,
  shows: string,
  body: string,
  expect: unknown,
  also: readonly string[] = [],
): PolicyRow => ({
  field: `default.filters[].${field}`,
  also: ['type', ...also].map((name) => `default.filters[].${name}`),
  shows,
  set: `{matches: [{path: {type: PathPrefix, value: /a}}], default: {filters: [${body}]}}`,
  unset: '{matches: [{path: {type: PathPrefix, value: /a}}], default: {}}',
  drive: passing,
  expect,
  otherwise: untouched,
})

const modify = (kind: 'request' | 'response'): readonly PolicyRow[] => {
  const key = `${kind}HeaderModifier`
  const type = kind === 'request' ? 'RequestHeaderModifier' : 'ResponseHeaderModifier'
  const body = (change: string): string => `{type: ${type}, ${key}: {${change}}}`
  const value = [`${key}.set[].value`]
  return [
    filter(
      `${key}.set[].name`,
      'replaces what is there',
      body('set: [{name: X-Say, value: new}]'),
      { ...untouched, [kind]: ['new', 'it'] },
      value,
    ),
    filter(
      `${key}.add[].name`,
      'comes beside what is there',
      body('add: [{name: X-Say, value: new}]'),
      { ...untouched, [kind]: ['old, new', 'it'] },
      [`${key}.add[].value`],
    ),
    filter(`${key}.remove`, 'takes it away', body('remove: [X-Drop]'), {
      ...untouched,
      [kind]: ['old', null],
    }),
  ]
}

/** Something outside with a name of its own. */
const named = `type: MeshExternalService
name: named
spec:
  match: {type: HostnameGenerator, port: 80, protocol: http}
  endpoints: [{address: localhost, port: {{outside.port}}}]`
const toNamed = 'backendRefs: [{kind: MeshExternalService, name: named}]'

async function hostSeen(lab: Lab): Promise<unknown> {
  const known = (): boolean =>
    lab.sidecar.proxy
      .inspect()
      .clusters.some(({ name, endpoints }) => name.includes('named') && endpoints.length > 0)
  await lab.until(known)
  await lab.settled(lab.ask('/', { headers: { host: 'shop.mesh' } }))
  return lab.services.outside.arrivals[0]?.headers.host
}

const rewrites: readonly PolicyRow[] = [
  filter(
    'urlRewrite.hostname',
    'is the host that the service sees',
    '{type: URLRewrite, urlRewrite: {hostname: other.mesh}}',
    { ...untouched, host: 'other.mesh' },
  ),
  filter(
    'urlRewrite.path.replaceFullPath',
    'is the path that the service sees; parameters stay',
    '{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /new}}}',
    { ...untouched, path: '/new?q=1' },
    ['urlRewrite.path.type'],
  ),
  filter(
    'urlRewrite.path.replacePrefixMatch',
    'comes in place of what matched',
    '{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}',
    { ...untouched, path: '/new/b?q=1' },
    ['urlRewrite.path.type'],
  ),
  {
    field: 'default.filters[].urlRewrite.hostToBackendHostname',
    shows: 'is the name of the endpoint',
    beside: named,
    set: `{matches: [{}], default: {filters: [{type: URLRewrite, urlRewrite: {hostToBackendHostname: true}}], ${toNamed}}}`,
    unset: `{matches: [{}], default: {${toNamed}}}`,
    drive: hostSeen,
    expect: 'localhost',
    otherwise: 'shop.mesh',
  },
]

/** Whether the caller heard from `backend`, and which services had a copy of its 40 requests. */
async function mirrored(lab: Lab, requests = 1): Promise<unknown> {
  lab.clock.random = seededRandom()
  const others = Object.entries(lab.services).filter(([place]) => place !== 'backend')
  const copies = (): number => others.reduce((sum, [, { arrivals }]) => sum + arrivals.length, 0)
  for (let i = 0; i < requests; i += 1) await lab.settled(lab.ask('/a'))
  // Copies are on their own way: those that come have come soon.
  for (let turn = 0; turn < 200 && copies() === 0; turn += 1) await new Promise(setImmediate)
  await lab.until(lab.idle)
  const places = others.flatMap(([place, { arrivals }]) => (arrivals.length > 0 ? [place] : []))
  return { answered: lab.services.backend.arrivals.length, places }
}

const mirror = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: readonly string[],
  otherwise: readonly string[],
): PolicyRow => {
  const rule = (body: string): string =>
    `{matches: [{}], default: {filters: [{type: RequestMirror, requestMirror: ${body}}]}}`
  return {
    field: `default.filters[].requestMirror.${field}`,
    also: ['default.filters[].type'],
    shows,
    beside: service,
    set: rule(set),
    unset: rule(unset),
    drive: (lab) => mirrored(lab),
    expect: { answered: 1, places: expect },
    otherwise: { answered: 1, places: otherwise },
  }
}

const toPlace = (ref: string): string => `{backendRef: {${ref}}}`

const mirrors: readonly PolicyRow[] = [
  mirror(
    'backendRef.name',
    'gets a copy of each request; the caller does not notice',
    toPlace('kind: MeshService, name: other'),
    toPlace('kind: MeshService, name: nobody'),
    ['other'],
    [],
  ),
  mirror(
    'backendRef.kind',
    'MeshExternalService leads out of the mesh',
    toPlace('kind: MeshExternalService, name: outside'),
    toPlace('kind: MeshService, name: other'),
    ['outside'],
    ['other'],
  ),
  mirror(
    'backendRef.tags',
    'are those of the inbounds meant (2.x)',
    toPlace('kind: MeshServiceSubset, name: pool, tags: {version: v2}'),
    toPlace('kind: MeshServiceSubset, name: pool, tags: {version: v1}'),
    ['pool2'],
    ['pool1'],
  ),
  mirror(
    'backendRef.labels',
    'find the resource in place of a name',
    toPlace('kind: MeshService, labels: {team: shop}, port: 80'),
    toPlace('kind: MeshService, labels: {team: none}, port: 80'),
    ['pool1'],
    [],
  ),
  mirror(
    'backendRef.port',
    'is a port of the service',
    toPlace('kind: MeshService, name: shop, port: 80'),
    toPlace('kind: MeshService, name: shop, port: 81'),
    ['pool1'],
    [],
  ),
  mirror(
    'backendRef.sectionName',
    'is a port of the service by name',
    toPlace('kind: MeshService, name: shop, sectionName: main'),
    toPlace('kind: MeshService, name: shop, sectionName: none'),
    ['pool1'],
    [],
  ),
  {
    field: 'default.filters[].requestMirror.percentage',
    shows: 'of the requests are copied',
    set: '{matches: [{}], default: {filters: [{type: RequestMirror, requestMirror: {percentage: 25, backendRef: {kind: MeshService, name: other}}}]}}',
    unset:
      '{matches: [{}], default: {filters: [{type: RequestMirror, requestMirror: {backendRef: {kind: MeshService, name: other}}}]}}',
    drive: async (lab) => {
      await mirrored(lab, 100)
      const copies = lab.services.other.arrivals.length
      return copies > 10 && copies < 40 ? 'about 25' : copies
    },
    expect: 'about 25',
    otherwise: 100,
  },
]

/** Where a redirect sends the caller. */
const redirect = (
  field: string,
  shows: string,
  body: string,
  expect: readonly [status: number, location: string],
  also: readonly string[] = [],
): PolicyRow => ({
  field: `default.filters[].requestRedirect.${field}`,
  also: [
    'default.filters[].type',
    ...also.map((name) => `default.filters[].requestRedirect.${name}`),
  ],
  shows,
  set: rule(`{${body}}`),
  unset: rule('{}'),
  drive: async (lab) => {
    const { status, headers } = await lab.settled(
      lab.ask('/a/b?q=1', { headers: { host: 'shop.mesh:8080' } }),
    )
    return [status, headers.location]
  },
  expect,
  otherwise: [302, 'http://shop.mesh:8080/a/b?q=1'],
})

const rule = (body: string): string =>
  `{matches: [{path: {type: PathPrefix, value: /a}}], default: {filters: [{type: RequestRedirect, requestRedirect: ${body}}]}}`

const redirects: readonly PolicyRow[] = [
  redirect('scheme', 'is the scheme to go to; the port stays', 'scheme: https', [
    302,
    'https://shop.mesh:8080/a/b?q=1',
  ]),
  redirect(
    'hostname',
    'is the host to go to, without the port of the old one',
    'hostname: new.mesh',
    [302, 'http://new.mesh/a/b?q=1'],
  ),
  redirect('port', 'is the port to go to', 'port: 99', [302, 'http://shop.mesh:99/a/b?q=1']),
  redirect('statusCode', 'is the status of the answer', 'statusCode: 308', [
    308,
    'http://shop.mesh:8080/a/b?q=1',
  ]),
  redirect(
    'path.replaceFullPath',
    'is the path to go to',
    'path: {type: ReplaceFullPath, replaceFullPath: /new}',
    [302, 'http://shop.mesh:8080/new?q=1'],
    ['path.type'],
  ),
  redirect(
    'path.replacePrefixMatch',
    'comes in place of what matched',
    'path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}',
    [302, 'http://shop.mesh:8080/new/b?q=1'],
    ['path.type'],
  ),
]

/** What is done to the requests of a rule. */
export const filters: readonly PolicyRow[] = [
  ...modify('request'),
  ...modify('response'),
  ...rewrites,
  ...mirrors,
  ...redirects,
]
