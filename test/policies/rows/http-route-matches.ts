import type { Ask, Lab } from '../../support/lab.ts'
import type { PolicyRow } from '../../support/policy-table.ts'

const toOther = 'default: {backendRefs: [{kind: MeshService, name: other}]}'

/** Where requests arrive. */
export async function places(lab: Lab, ...asks: readonly [path: string, ask?: Ask][]) {
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

/** Which requests a rule of MeshHTTPRoute is for. */
export const matches: readonly PolicyRow[] = [
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
