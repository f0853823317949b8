import t from 'tap'
import { readOwnDataplane } from '../../../config/kuma-cp/own-dataplane.ts'
import { formatProblem } from '../../../config/source.ts'

const template = `type: Dataplane
mesh: default
name: {{ name }}
labels:
  kuma.io/workload: web
networking:
  address: {{ address }}
  admin:
    port: 9902
  inbound:
    - port: 8080
      servicePort: 80
      tags: { kuma.io/service: web }
      serviceProbe: { tcp: {} }
  outbound:
    - port: 9000
      backendRef: { kind: MeshService, name: backend, port: 80 }
`

const read = (text: string, variables: Readonly<Record<string, string>> = {}) => {
  const { dataplane, problems } = readOwnDataplane(
    { path: 'dp.yaml', text },
    new Map(Object.entries(variables)),
  )
  return { dataplane, problems: problems.map(formatProblem) }
}

t.test('own dataplane: the resource becomes JSON for the control plane', async (t) => {
  const { dataplane, problems } = read(template, { name: 'web-1', address: '10.0.0.1' })
  t.same(problems, [], 'a service probe has its effect through HDS')
  t.match(dataplane, { mesh: 'default', name: 'web-1', adminPort: 9902 })
  t.same(JSON.parse(dataplane?.json ?? ''), {
    type: 'Dataplane',
    mesh: 'default',
    name: 'web-1',
    labels: { 'kuma.io/workload': 'web' },
    networking: {
      address: '10.0.0.1',
      admin: { port: 9902 },
      inbound: [
        {
          port: 8080,
          servicePort: 80,
          tags: { 'kuma.io/service': 'web' },
          serviceProbe: { tcp: {} },
        },
      ],
      outbound: [{ port: 9000, backendRef: { kind: 'MeshService', name: 'backend', port: 80 } }],
    },
  })
})

t.test('own dataplane: the mesh is default when it does not say', async (t) => {
  const { dataplane } = read('{"type":"Dataplane","name":"a","networking":{"address":"10.0.0.1"}}')
  t.match(dataplane, { mesh: 'default', name: 'a', adminPort: null })
  t.match(JSON.parse(dataplane?.json ?? ''), { mesh: 'default' })
})

t.test('own dataplane: what is wrong has its place', async (t) => {
  const wrong = read('type: Dataplane\nname: a\nnetworking:\n  adress: 10.0.0.1\n')
  t.equal(wrong.dataplane, null)
  t.match(
    wrong.problems[0],
    /^dp\.yaml:4:3 error Dataplane\/a networking\.adress: unknown field; did you mean "address"\?/,
  )
  t.match(read(template, { name: 'a' }).problems, [/^dp\.yaml:7:12 error/])
})

t.test('own dataplane: it must be one Dataplane', async (t) => {
  const mesh = read('type: Mesh\nname: default\n')
  t.equal(mesh.dataplane, null)
  t.match(mesh.problems, [/must be a Dataplane, got a Mesh/])
  const two = read(`${template.replaceAll(/\{\{.*\}\}/g, 'a')}---\ntype: Mesh\nname: b\n`)
  t.equal(two.dataplane, null)
  t.match(two.problems.at(-1), /must be one Dataplane, got 2 documents/)
  t.match(read('').problems, [/must be one Dataplane, got 0 documents/])
  t.match(read('a: [').problems, [/^dp\.yaml:1:\d+ error: is not YAML/])
})
