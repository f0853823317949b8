import t from 'tap'
import { newLoader } from '../../../config/kuma/load.ts'
import { formatProblem } from '../../../config/source.ts'

/** What the loader says of one file; `PATH` stands for the directory. */
function problemsOf(test: Test, text: string): string[] {
  const directory = test.testdir({ 'a.yaml': text })
  return newLoader()
    .load([directory])
    .problems.map((problem) => formatProblem(problem).replace(`${directory}/`, ''))
}

type Test = { testdir(tree: Record<string, string>): string }

const retry = (lines: string) => `type: MeshRetry
mesh: default
name: foo
spec:
  to:
    - targetRef: {kind: Mesh}
      default:
        http:
          ${lines}
`

const dataplane = (lines: string) => `type: Dataplane
mesh: default
name: web-1
networking:
  address: 127.0.0.1
  ${lines}
`

/** Every row: what is written, and every line the operator is shown. */
const rows: readonly (readonly [title: string, text: string, problems: readonly string[]])[] = [
  ['a good resource', retry('numRetries: 3'), []],
  ['an empty value is a field left out', retry('numRetries:'), []],
  [
    'a mistyped field',
    retry('perTryTimout: 1s'),
    [
      'a.yaml:9:11 error MeshRetry/foo spec.to[0].default.http.perTryTimout: unknown field; did you mean "perTryTimeout"?',
    ],
  ],
  [
    'an unknown field like no other',
    retry('backOff: {jitterFactorOfDoom: 1}'),
    [
      'a.yaml:9:21 error MeshRetry/foo spec.to[0].default.http.backOff.jitterFactorOfDoom: unknown field; known here: baseInterval, maxInterval',
    ],
  ],
  [
    'two mistakes at once',
    retry('numRetries: -1\n          perTryTimeout: 10'),
    [
      'a.yaml:9:23 error MeshRetry/foo spec.to[0].default.http.numRetries: must be 0 to 4294967295, got -1',
      'a.yaml:10:26 error MeshRetry/foo spec.to[0].default.http.perTryTimeout: must be a duration such as 1h30m, 250ms or 0s, got 10',
    ],
  ],
  [
    'a number in quotes',
    retry('numRetries: "3"'),
    [
      'a.yaml:9:23 error MeshRetry/foo spec.to[0].default.http.numRetries: must be a number, got "3"; write it without quotes',
    ],
  ],
  [
    'a list where a map belongs',
    retry('backOff: []'),
    ['a.yaml:9:11 error MeshRetry/foo spec.to[0].default.http.backOff: must be a map, got a list'],
  ],
  [
    'a number as a tag',
    dataplane('inbound: [{port: 80, servicePort: 81, tags: {version: 1}}]'),
    [
      'a.yaml:6:57 error Dataplane/web-1 networking.inbound[0].tags.version: must be a string, got 1; put it in quotes: "1"',
    ],
  ],
  [
    'a port out of range',
    dataplane('inbound: [{port: 70000}]'),
    [
      'a.yaml:6:20 error Dataplane/web-1 networking.inbound[0].port: must be a port, 1 to 65535, got 70000',
    ],
  ],
  [
    'a required field left out',
    'type: Dataplane\nname: x\nnetworking: {}\n',
    ['a.yaml:3:1 error Dataplane/x networking.address: is required'],
  ],
  [
    'a word that is not in the list',
    'type: MeshTLS\nname: x\nspec: {rules: [{default: {mode: Stict}}]}\n',
    [
      'a.yaml:3:33 error MeshTLS/x spec.rules[0].default.mode: must be one of Strict, Permissive, got "Stict"; did you mean "Strict"?',
    ],
  ],
  [
    'a field without effect here',
    dataplane('listeners: []'),
    [
      'a.yaml:6:3 warning Dataplane/web-1 networking.listeners: has no effect here; zone proxies are a control plane affair',
    ],
  ],
  [
    'a section that its type asks for',
    'type: MeshAccessLog\nname: x\nspec: {to: [{targetRef: {kind: Mesh}, default: {backends: [{type: File}]}}]}\n',
    [
      'a.yaml:3:67 error MeshAccessLog/x spec.to[0].default.backends[0].type: needs the field "file" beside it',
    ],
  ],
  [
    'an unknown type',
    'type: MeshRetri\nname: x\n',
    [
      'a.yaml:1:7 error MeshRetri/x type: unknown resource type "MeshRetri"; did you mean "MeshRetry"?',
    ],
  ],
  [
    'a type that belongs to a control plane',
    'type: TrafficRoute\nname: x\n',
    [
      'a.yaml:1:7 warning TrafficRoute/x type: TrafficRoute is not supported and has no effect; use MeshHTTPRoute or MeshTCPRoute',
    ],
  ],
  [
    'the Kubernetes form',
    'apiVersion: kuma.io/v1alpha1\nkind: MeshRetry\nmetadata: {name: x}\n',
    [
      'a.yaml:1:1 error: is in the Kubernetes form; the universal form is read; write type, mesh, name and spec at the top level',
    ],
  ],
  ['no resource at all', '- 1\n', ['a.yaml:1:1 error: must be a map with type, name and so on']],
  [
    'text that is not YAML',
    'type: Mesh\nname: [\n',
    [
      'a.yaml:3:1 error: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  ],
  [
    'a key given twice',
    'type: Mesh\nname: x\nname: y\n',
    ['a.yaml:3:1 error: is not YAML: Map keys must be unique'],
  ],
  [
    'the second of two documents',
    'type: Mesh\nname: x\n---\ntype: Mesh\nnaem: y\n',
    [
      'a.yaml:4:1 error Mesh name: is required',
      'a.yaml:5:1 error Mesh naem: unknown field; did you mean "name"?',
    ],
  ],
  [
    'a resource given twice',
    'type: Mesh\nname: x\n---\ntype: Mesh\nname: x\n',
    ['a.yaml:5:7 error Mesh/x name: is already defined in a.yaml:2'],
  ],
  [
    'a backend that is not there',
    'type: Mesh\nname: x\nmtls: {enabledBackend: ca-2, backends: [{name: ca-1, type: builtin}]}\n',
    ['a.yaml:3:24 error Mesh/x mtls.enabledBackend: must name one of mtls.backends (ca-1)'],
  ],
  [
    'an inbound that forwards to itself',
    dataplane('inbound: [{port: 80}]'),
    [
      'a.yaml:6:20 error Dataplane/web-1 networking.inbound[0].port: would forward to itself; give servicePort or serviceAddress of the application',
    ],
  ],
  [
    'two listeners on one address',
    dataplane(
      'inbound: [{port: 80, servicePort: 81}]\n  outbound: [{port: 80, tags: {kuma.io/service: b}}]',
    ),
    [
      'a.yaml:7:21 error Dataplane/web-1 networking.outbound[0].port: 127.0.0.1:80 is already taken by inbound[0]',
    ],
  ],
  [
    'a protocol nobody knows',
    dataplane('inbound: [{port: 80, servicePort: 81, tags: {kuma.io/protocol: htpp}}]'),
    [
      'a.yaml:6:66 warning Dataplane/web-1 networking.inbound[0].tags["kuma.io/protocol"]: unknown protocol "htpp" is carried as bytes; did you mean "http"?',
    ],
  ],
  [
    'an action of from in rules',
    'type: MeshTrafficPermission\nname: x\nspec: {rules: [{default: {action: Allow}}]}\n',
    [
      'a.yaml:3:27 error MeshTrafficPermission/x spec.rules[0].default.action: belongs in from; rules have deny, allowWithShadowDeny and allow',
    ],
  ],
  [
    'a match that names nobody',
    'type: MeshTrafficPermission\nname: x\nspec: {rules: [{default: {allow: [{}]}}]}\n',
    [
      'a.yaml:3:35 error MeshTrafficPermission/x spec.rules[0].default.allow[0]: needs spiffeID or sni',
    ],
  ],
  [
    'a list of rules in from',
    'type: MeshTrafficPermission\nname: x\nspec: {from: [{targetRef: {kind: Mesh}, default: {action: Deny, allow: []}}]}\n',
    [
      'a.yaml:3:65 error MeshTrafficPermission/x spec.from[0].default.allow: belongs in rules; from has an action',
    ],
  ],
  [
    'matches where a policy has none',
    'type: MeshTrafficPermission\nname: x\nspec: {rules: [{matches: [{sni: {type: Exact, value: a}}], default: {allow: []}}]}\n',
    [
      'a.yaml:3:17 error MeshTrafficPermission/x spec.rules[0].matches: has no place in MeshTrafficPermission',
    ],
  ],
  [
    'a builtin gateway',
    dataplane('gateway: {type: BUILTIN}'),
    [
      'a.yaml:6:19 error Dataplane/web-1 networking.gateway.type: BUILTIN is not supported; use DELEGATED, with a gateway of your choice in front',
    ],
  ],
  [
    'an outbound to nowhere',
    dataplane('outbound: [{port: 80}]'),
    [
      'a.yaml:6:14 error Dataplane/web-1 networking.outbound[0]: needs backendRef or tags, one of them',
    ],
  ],
  [
    'from beside rules',
    'type: MeshTLS\nname: x\nspec:\n  from: [{targetRef: {kind: Mesh}}]\n  rules: []\n',
    ['a.yaml:4:3 error MeshTLS/x spec.from: cannot stand beside rules'],
  ],
  [
    'a destination the policy does not know',
    'type: MeshHealthCheck\nname: x\nspec: {to: [{targetRef: {kind: MeshHTTPRoute, name: r}}]}\n',
    [
      'a.yaml:3:32 error MeshHealthCheck/x spec.to[0].targetRef.kind: must be one of MeshService, MeshExternalService, MeshMultiZoneService, Mesh',
    ],
  ],
  [
    'a pattern that does not compile',
    'type: MeshHTTPRoute\nname: x\nspec: {to: [{targetRef: {kind: MeshService, name: b}, rules: [{matches: [{path: {type: RegularExpression, value: "("}}]}]}]}\n',
    [
      'a.yaml:3:114 error MeshHTTPRoute/x spec.to[0].rules[0].matches[0].path.value: is not a regular expression: Unterminated group',
    ],
  ],
  [
    'a bucket that refills too fast',
    'type: MeshRateLimit\nname: x\nspec: {rules: [{default: {local: {http: {requestRate: {num: 1, interval: 10ms}}}}}]}\n',
    [
      'a.yaml:3:74 error MeshRateLimit/x spec.rules[0].default.local.http.requestRate.interval: must be at least 50ms',
    ],
  ],
]

for (const [title, text, expected] of rows) {
  t.test(`load: ${title}`, async (test) => {
    const found = problemsOf(test, text).map((line) => line.replace(/in \/.*\//, 'in '))
    test.same(found, expected)
  })
}

t.test('load: a bomb of aliases is refused', async (test) => {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`,
  )
  const [problem] = problemsOf(test, `l0: &l0 [x]\n${levels.join('\n')}\n`)
  test.match(problem, /Excessive alias count/)
})

t.test('load: a path that does not exist is an error', async (test) => {
  const { problems } = newLoader().load(['/nowhere/at/all'])
  test.same(problems.map(formatProblem), ['/nowhere/at/all error: does not exist'])
})

t.test('load: directories are read in order, dot files and other endings are not', async (test) => {
  const mesh = (name: string) => `type: Mesh\nname: ${name}\n`
  const directory = test.testdir({
    'b.yaml': mesh('b'),
    'a.json': '{"type": "Mesh", "name": "a"}',
    'notes.txt': 'no',
    '.hidden.yaml': mesh('hidden'),
    sub: { 'c.yml': `${mesh('c')}---\n${mesh('d')}` },
  })
  const { resources, problems, directories } = newLoader().load([directory])
  test.same(problems, [])
  test.same(
    resources.map(({ name }) => name),
    ['a', 'b', 'c', 'd'],
  )
  test.same(directories, [directory, `${directory}/sub`])
})

t.test('load: a file that did not change keeps its resources', async (test) => {
  const directory = test.testdir({ 'a.yaml': 'type: Mesh\nname: a\n' })
  const loader = newLoader()
  const [before] = loader.load([directory]).resources
  const [after] = loader.load([directory]).resources
  test.equal(before, after)
})
