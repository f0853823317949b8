import type { Ask, Lab } from '../../support/lab.ts'
import type { LabPlace } from '../../support/lab-mesh.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { seededRandom } from '../../support/running-cluster.ts'

const toOther = 'default: {backendRefs: [{kind: MeshService, name: other}]}'

/** Where requests arrive. */
async function places(lab: Lab, ...asks: readonly [path: string, ask?: Ask][]) {
  const seen: string[] = []
  for (const [path, ask] of asks) {
    const before = counts(lab)
    const { status } = await lab.settled(lab.ask(path, ask))
    const after = counts(lab)
    const place = Object.keys(after).find((name) => after[name] !== before[name])
    seen.push(place ?? String(status))
  }
  return seen
}

const counts = (lab: Lab): Record<string, number> =>
  Object.fromEntries(
    Object.entries(lab.services).map(([name, { arrivals }]) => [name, arrivals.length]),
  )

/** A match: requests that it takes go to `other`. */
const match = (
  field: string,
  shows: string,
  rule: string,
  without: string,
  asks: readonly [path: string, ask?: Ask][],
  expect: readonly string[],
  otherwise: readonly string[],
): PolicyRow => ({
  field: `matches[].${field}`,
  also: field.endsWith('.name') ? [`matches[].${field.replace('.name', '.value')}`] : [],
  shows,
  set: `{matches: [${rule}], ${toOther}}`,
  unset: `{matches: [${without}], ${toOther}}`,
  drive: (lab) => places(lab, ...asks),
  expect,
  otherwise,
})

const with_ = (headers: Readonly<Record<string, string>>): Ask => ({ headers })

const matches: readonly PolicyRow[] = [
  match(
    'path.type',
    'Exact is this path and no other',
    '{path: {type: Exact, value: /a}}',
    '{path: {type: PathPrefix, value: /a}}',
    [['/a'], ['/a?q=1'], ['/a/b'], ['/ab']],
    ['other', 'other', 'backend', 'backend'],
    ['other', 'other', 'other', 'backend'],
  ),
  match(
    'path.type',
    'RegularExpression is the whole path',
    '{path: {type: RegularExpression, value: "/[0-9]+"}}',
    '{path: {type: Exact, value: "/[0-9]+"}}',
    [['/12'], ['/12?q=1'], ['/12/b']],
    ['other', 'other', 'backend'],
    ['backend', 'backend', 'backend'],
  ),
  match(
    'path.value',
    'of PathPrefix is one of whole segments',
    '{path: {type: PathPrefix, value: /a}}',
    '{}',
    [['/a/b'], ['/a'], ['/ab'], ['/']],
    ['other', 'other', 'backend', 'backend'],
    ['other', 'other', 'other', 'other'],
  ),
  match(
    'method',
    'is the method',
    '{method: DELETE}',
    '{}',
    [['/'], ['/', { method: 'DELETE' }]],
    ['backend', 'other'],
    ['other', 'other'],
  ),
  match(
    'queryParams[].name',
    'must be there with its value',
    '{queryParams: [{type: Exact, name: v, value: "2"}]}',
    '{}',
    [['/?v=2'], ['/?a=1&v=2'], ['/?v=3'], ['/?w=2'], ['/']],
    ['other', 'other', 'backend', 'backend', 'backend'],
    ['other', 'other', 'other', 'other', 'other'],
  ),
  match(
    'queryParams[].type',
    'RegularExpression is the whole value',
    '{queryParams: [{type: RegularExpression, name: v, value: "2|3"}]}',
    '{queryParams: [{type: Exact, name: v, value: "2|3"}]}',
    [['/?v=3'], ['/?v=33']],
    ['other', 'backend'],
    ['backend', 'backend'],
  ),
  match(
    'headers[].name',
    'must be there with its value',
    '{headers: [{name: X-Who, value: me}]}',
    '{}',
    [['/', with_({ 'x-who': 'me' })], ['/', with_({ 'x-who': 'you' })], ['/']],
    ['other', 'backend', 'backend'],
    ['other', 'other', 'other'],
  ),
  match(
    'headers[].type',
    'Present looks at no value',
    '{headers: [{type: Present, name: x-who}]}',
    '{headers: [{name: x-who, value: me}]}',
    [['/', with_({ 'x-who': 'you' })], ['/']],
    ['other', 'backend'],
    ['backend', 'backend'],
  ),
  match(
    'headers[].type',
    'Absent wants it not to be there',
    '{headers: [{type: Absent, name: x-who}]}',
    '{headers: [{type: Present, name: x-who}]}',
    [['/', with_({ 'x-who': 'you' })], ['/']],
    ['backend', 'other'],
    ['other', 'backend'],
  ),
  match(
    'headers[].type',
    'Prefix is the beginning of the value',
    '{headers: [{type: Prefix, name: x-who, value: m}]}',
    '{headers: [{name: x-who, value: m}]}',
    [
      ['/', with_({ 'x-who': 'me' })],
      ['/', with_({ 'x-who': 'him' })],
    ],
    ['other', 'backend'],
    ['backend', 'backend'],
  ),
  match(
    'headers[].type',
    'RegularExpression is the whole value',
    '{headers: [{type: RegularExpression, name: x-who, value: m.}]}',
    '{headers: [{name: x-who, value: m.}]}',
    [
      ['/', with_({ 'x-who': 'me' })],
      ['/', with_({ 'x-who': 'men' })],
    ],
    ['other', 'backend'],
    ['backend', 'backend'],
  ),
  {
    field: 'matches[].path.type',
    also: ['matches[].method', 'matches[].headers[].name', 'matches[].queryParams[].name'],
    shows:
      'Exact goes before the longest PathPrefix, that before RegularExpression; then method, headers, parameters',
    set: `{matches: [{path: {type: RegularExpression, value: "/a.*"}}], default: {backendRefs: [{kind: MeshService, name: pool}]}},
          {matches: [{path: {type: Exact, value: /a/b}, headers: [{name: x-who, value: me}]}], default: {backendRefs: [{kind: MeshExternalService, name: outside}]}},
          {matches: [{path: {type: PathPrefix, value: /a}}], ${toOther}},
          {matches: [{path: {type: PathPrefix, value: /a}, method: GET}], default: {}}`,
    unset: `{matches: [{path: {type: PathPrefix, value: /a}}], ${toOther}}`,
    drive: (lab) =>
      places(
        lab,
        ['/a/b', { headers: { 'x-who': 'me' } }],
        ['/a/b'],
        ['/a/b', { method: 'DELETE' }],
        ['/x'],
      ),
    expect: ['outside', 'backend', 'other', 'backend'],
    otherwise: ['other', 'other', 'other', 'backend'],
  },
]

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

const mirrors = (): readonly PolicyRow[] => [
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
  redirect('scheme', 'is the scheme to go to, on its own port', 'scheme: https', [
    302,
    'https://shop.mesh/a/b?q=1',
  ]),
  redirect('hostname', 'is the host to go to', 'hostname: new.mesh', [
    302,
    'http://new.mesh:8080/a/b?q=1',
  ]),
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

/** A reference: where four requests arrive. */
const backend = (
  field: string,
  shows: string,
  refs: string,
  without: string,
  expect: readonly string[],
  otherwise: readonly string[],
  beside = '',
): PolicyRow => ({
  field: `default.backendRefs[].${field}`,
  shows,
  set: `{matches: [{}], default: {backendRefs: [${refs}]}}`,
  unset: `{matches: [{}], default: {backendRefs: [${without}]}}`,
  beside,
  drive: (lab) => places(lab, ['/'], ['/'], ['/'], ['/']),
  expect,
  otherwise,
})

const all = (place: LabPlace | '500'): readonly string[] => [place, place, place, place]

const service = `type: MeshService
name: shop
labels: {team: shop}
spec:
  selector: {dataplaneTags: {kuma.io/service: pool, version: v1}}
  ports: [{port: 80, name: main, targetPort: 8080, appProtocol: http}, {port: 81, name: none, targetPort: 9999, appProtocol: http}]`

const backends: readonly PolicyRow[] = [
  backend(
    'name',
    'is where requests go; one that is not known is answered 500',
    '{kind: MeshService, name: other}',
    '{kind: MeshService, name: nobody}',
    all('other'),
    all('500'),
  ),
  backend(
    'kind',
    'MeshExternalService leads out of the mesh',
    '{kind: MeshExternalService, name: outside}',
    '{kind: MeshService, name: other}',
    all('outside'),
    all('other'),
  ),
  backend(
    'tags',
    'are those of the inbounds meant (2.x)',
    '{kind: MeshServiceSubset, name: pool, tags: {version: v2}}',
    '{kind: MeshServiceSubset, name: pool, tags: {version: v1}}',
    all('pool2'),
    all('pool1'),
  ),
  backend(
    'labels',
    'find the resource in place of a name',
    '{kind: MeshService, labels: {team: shop}, port: 80}',
    '{kind: MeshService, labels: {team: none}, port: 80}',
    all('pool1'),
    all('500'),
    service,
  ),
  backend(
    'port',
    'is a port of the service',
    '{kind: MeshService, name: shop, port: 80}',
    '{kind: MeshService, name: shop, port: 81}',
    all('pool1'),
    ['503', '503', '503', '503'],
    service,
  ),
  backend(
    'sectionName',
    'is a port of the service by name',
    '{kind: MeshService, name: shop, sectionName: main}',
    '{kind: MeshService, name: shop, sectionName: none}',
    all('pool1'),
    ['503', '503', '503', '503'],
    service,
  ),
  {
    field: 'default.backendRefs[].weight',
    shows: 'is its share of the requests; one of 0 gets none',
    set: '{matches: [{}], default: {backendRefs: [{kind: MeshService, name: other, weight: 0}, {kind: MeshService, name: backend}]}}',
    unset: '{matches: [{}], default: {backendRefs: [{kind: MeshService, name: other}]}}',
    drive: (lab) => places(lab, ['/'], ['/'], ['/'], ['/']),
    expect: all('backend'),
    otherwise: all('other'),
  },
]

export const meshHttpRoute: PolicyTable = {
  kind: 'MeshHTTPRoute',
  section: 'routes',
  rows: [
    ...matches,
    ...modify('request'),
    ...modify('response'),
    ...rewrites,
    ...mirrors(),
    ...redirects,
    ...backends,
  ],
}
