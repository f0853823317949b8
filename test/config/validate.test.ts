import t from 'tap'
import { formatProblem } from '../../config/source.ts'
import { validate } from '../../config/validate.ts'
import { smallMesh } from '../support/kuma.ts'

const lines = (directory: string) =>
  validate([directory]).problems.map((problem) =>
    formatProblem(problem).replace(`${directory}/`, ''),
  )

t.test('validate: a good mesh has no problems', async (test) => {
  test.same(lines(test.testdir({ 'mesh.yaml': smallMesh() })), [])
})

t.test('validate: every Dataplane is compiled, and one mistake said once', async (test) => {
  const route = `type: MeshHTTPRoute
name: r
spec:
  to:
    - targetRef: {kind: MeshService, name: backend}
      rules:
        - matches: [{path: {type: PathPrefix, value: /}}]
          default:
            backendRefs: [{kind: MeshService, name: bakend, port: 80}]
`
  const second = smallMesh().replace('name: web-1', 'name: web-2').split('---')[1] ?? ''
  const directory = test.testdir({
    'mesh.yaml': smallMesh(),
    'route.yaml': route,
    'second.yaml': second.replace('service: backend', 'service: nobody'),
    'third.yaml': second.replace('name: web-2', 'name: web-3'),
  })
  test.same(lines(directory), [
    'route.yaml:9:27 warning MeshHTTPRoute/r spec.to[0].rules[0].default.backendRefs[0]: no MeshService bakend with port 80 is known; did you mean "backend"?',
    'second.yaml:9:45 warning Dataplane/web-2 networking.outbound[0].tags["kuma.io/service"]: no Dataplane provides nobody',
  ])
})

t.test('validate: while a resource is wrong by itself, only that is reported', async (test) => {
  const directory = test.testdir({
    'mesh.yaml': smallMesh().replace('kuma.io/service: backend}', 'kuma.io/service: nobody}'),
    'x.yaml': 'type: MeshTLS\nname: x\nspec: {rulez: []}\n',
  })
  test.same(lines(directory), [
    'x.yaml:3:8 error MeshTLS/x spec.rulez: unknown field; did you mean "rules"?',
  ])
})

t.test('validate: the demo mesh has nothing to complain about', async (test) => {
  test.same(validate(['config/demo']).problems.map(formatProblem), [])
})

const nothing: readonly (readonly [what: string, files: Record<string, string>, line: string])[] = [
  ['an empty directory', {}, 'holds no resources; of a directory .yaml, .yml and .json are read'],
  [
    'a directory of other files',
    { 'mesh.txt': smallMesh(), '.mesh.yaml': smallMesh() },
    'holds no resources; of a directory .yaml, .yml and .json are read',
  ],
  ['an empty file', { 'mesh.yaml': '' }, 'holds no resources'],
  ['a file of comments', { 'mesh.yaml': '# type: Mesh\n---\n' }, 'holds no resources'],
]
for (const [what, files, line] of nothing) {
  t.test(`validate: ${what} is a warning`, async (test) => {
    const directory = test.testdir(files)
    test.same(lines(directory), [`${directory} warning: ${line}`])
  })
}

t.test('validate: it counts what it looked at', async (test) => {
  const directory = test.testdir({ 'a.yaml': smallMesh(), 'b.yaml': '', 'c.txt': 'c' })
  test.match(validate([directory]), { resources: 4, files: 2, problems: [] })
})

const noEffect: readonly (readonly [text: string, line: string])[] = [
  [
    'type: MeshTLS\nname: x\nspec: {rules: [{default: {tlsVersion: {min: TLS10}}}]}\n',
    'x.yaml:3:45 warning MeshTLS/x spec.rules[0].default.tlsVersion.min: TLS10 is not spoken; TLS12 is used',
  ],
  [
    'type: MeshLoadBalancingStrategy\nname: x\nspec: {to: [{targetRef: {kind: Mesh}, default: {hashPolicies: [{type: FilterState, filterState: {key: a}}]}}]}\n',
    'x.yaml:3:84 warning MeshLoadBalancingStrategy/x spec.to[0].default.hashPolicies[0].filterState: has no effect here; it is state of filters of Envoy, and the data path is not Envoy',
  ],
  [
    'type: MeshPassthrough\nname: x\nspec: {default: {passthroughMode: None, appendMatch: [{type: IP, value: 10.0.0.1}]}}\n',
    'x.yaml:3:41 warning MeshPassthrough/x spec.default.appendMatch: has no effect with passthroughMode None',
  ],
  [
    'type: MeshCircuitBreaker\nname: x\nspec: {targetRef: {kind: MeshGateway, name: g}, to: [{targetRef: {kind: Mesh}, default: {connectionLimits: {maxConnectionPools: 1}}}]}\n',
    'x.yaml:3:109 warning MeshCircuitBreaker/x spec.to[0].default.connectionLimits.maxConnectionPools: has no effect here; there is one pool for each endpoint',
  ],
]

for (const [text, line] of noEffect) {
  t.test(`validate: ${line.replace(/^\S+ warning /, '')}`, async (test) => {
    test.ok(lines(test.testdir({ 'x.yaml': text })).includes(line))
  })
}

t.test('validate: an operator that nobody can render is found where it stands', async (test) => {
  const text = `type: MeshAccessLog
name: x
spec:
  to:
    - targetRef: {kind: Mesh}
      default:
        backends:
          - type: File
            file:
              path: /dev/stdout
              format: {type: Plain, plain: "%KUMA_MESH% %KUMA_MISTAKE%"}
`
  test.same(lines(test.testdir({ 'x.yaml': text })), [
    'x.yaml:11:44 error MeshAccessLog/x spec.to[0].default.backends[0].file.format.plain: unknown operator %KUMA_MISTAKE%',
  ])
})
