import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { validate } from '../../config/validate.ts'

/**
 * `validate` of a mesh with 10,000 endpoints, 200 routes and 50 policies: milliseconds of the clock and of the
 * processor, the first run as a command has it. Aim: 2 s.
 */
const services = 100
const dataplanes = Array.from({ length: 10_000 }, (_, index) => {
  const service = `s${index % services}`
  const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
  const tags = `{kuma.io/service: ${service}, kuma.io/protocol: http, version: v${index % 3}}`
  const outbounds = Array.from(
    { length: 20 },
    (_, n) => `    - {port: ${10_001 + n}, tags: {kuma.io/service: s${n}}}\n`,
  )
  return `type: Dataplane
name: dp-${index}
labels: {app: ${service}, kuma.io/workload: ${service}}
networking:
  address: ${address}
  inbound: [{port: 8080, servicePort: 9080, name: main, tags: ${tags}}]
${index === 0 ? `  outbound:\n${outbounds.join('')}` : ''}`
})

const routes = Array.from({ length: 200 }, (_, index) => {
  const service = `s${index % 20}`
  return `type: MeshHTTPRoute
name: r${index}
spec:
  to:
    - targetRef: {kind: MeshService, name: ${service}}
      rules:
        - matches: [{path: {type: PathPrefix, value: /p${index}}}]
          default:
            backendRefs:
              - {kind: MeshService, name: ${service}, weight: 90}
              - {kind: MeshServiceSubset, name: ${service}, tags: {version: v1}, weight: 10}
`
})

const confs = [
  ['MeshTimeout', '{idleTimeout: 1s}'],
  ['MeshRetry', '{http: {numRetries: 2}}'],
  ['MeshCircuitBreaker', '{connectionLimits: {maxConnections: 10}}'],
  ['MeshHealthCheck', '{tcp: {}}'],
  ['MeshLoadBalancingStrategy', '{loadBalancer: {type: Random}}'],
] as const

const policies = Array.from({ length: 50 }, (_, index) => {
  const [kind, conf] = confs[index % confs.length] ?? confs[0]
  const service = `s${index % 20}`
  return `type: ${kind}
name: p${index}
spec:
  targetRef: {kind: Dataplane, labels: {app: ${service}}}
  to: [{targetRef: {kind: MeshService, name: ${service}}, default: ${conf}}]
`
})

const directory = mkdtempSync(join(tmpdir(), 'outrider-validate-'))
for (const [name, texts] of Object.entries({ dataplanes, routes, policies })) {
  writeFileSync(join(directory, `${name}.yaml`), texts.join('---\n'))
}
for (let run = 1; run <= 3; run += 1) {
  const started = performance.now()
  const before = process.cpuUsage()
  const { problems } = validate([directory])
  const { user, system } = process.cpuUsage(before)
  const elapsed = performance.now() - started
  console.log(
    `run ${run}: ${elapsed.toFixed(0)} ms, CPU ${((user + system) / 1_000).toFixed(0)} ms, ${problems.length} problems`,
  )
}
rmSync(directory, { recursive: true })
