import type { Effective } from '../kuma/compiling.ts'
import type { Callers } from './callers.ts'
import type { ExplainedCluster } from './clusters.ts'
import type { Explanation } from './explain.ts'

/** An explanation for people, a screen of text. */
export function formatExplanation(explanation: Explanation): string {
  const { request, listener, known, routes, action, callers, clusters, policies } = explanation
  const lines = [`${request.method} ${request.authority}${request.path}`]
  if (listener === null) {
    lines.push('listener  none takes it; known:', ...known.map((place) => `  ${place}`))
    return lines.join('\n')
  }
  lines.push(`listener  ${listener.name}: ${listener.why}`)
  if (routes.length > 0) lines.push('routes')
  const signs = { taken: '→', 'passed over': '✗', 'not reached': '·' }
  for (const { name, verdict, why } of routes) lines.push(`  ${signs[verdict]} ${name}: ${why}`)
  lines.push(`action    ${action}`)
  if (callers !== null) lines.push(...callerLines(callers))
  for (const cluster of clusters) lines.push(...clusterLines(cluster))
  lines.push(...policyLines(policies))
  return lines.join('\n')
}

/** One block for each policy; places where the same holds share one. */
function policyLines(policies: readonly Effective[]): readonly string[] {
  const blocks = new Map<string, { readonly policy: Effective; readonly places: string[] }>()
  for (const policy of policies) {
    const key = JSON.stringify([policy.kind, policy.fields])
    const block = blocks.get(key)
    if (block === undefined) blocks.set(key, { policy, places: [policy.place] })
    else block.places.push(policy.place)
  }
  return [...blocks.values()].flatMap(({ policy, places }) => [
    `${policy.kind} at ${places.join(', ')}`,
    ...policy.fields.map(({ path, value, from }) => `  ${path} = ${shorten(value)}   from ${from}`),
  ])
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 97)}...` : text
}

/** The rules are told when there are some: the first that matches decides. */
const callerLines = ({ summary, rules }: Callers): readonly string[] => [
  `callers   ${summary}`,
  ...rules.map(({ action, who, from }) => `  ${action} ${who}   from ${from}`),
]

function clusterLines(cluster: ExplainedCluster): readonly string[] {
  const { name, share, protocol, balancer, tls, endpoints, refusals } = cluster
  const security = tls === null ? 'plaintext' : `mTLS with ${tls.join(' or ') || 'anyone trusted'}`
  return [
    `cluster   ${name}  ${share}%  ${protocol}, ${balancer}, ${security}`,
    ...(endpoints.length === 0 ? ['  no endpoints'] : []),
    ...endpoints.map((address) => {
      const refusal = refusals.find(({ endpoint }) => endpoint === address)
      return `  ${address}${refusal === undefined ? '' : `   refuses us; ${refusal.why}`}`
    }),
  ]
}
