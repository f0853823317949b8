import type { ChainMatch } from '../../../proxy/model/listener.ts'
import type { PassthroughMatch } from '../schemas/mesh-passthrough.ts'

/** What may pass at one port, or at all of them: one filter chain. */
export interface PassthroughRule {
  /** As Kuma calls the filter chain. */
  readonly name: string
  readonly protocol: NonNullable<PassthroughMatch['protocol']>
  /** Null: at ports that no rule names. */
  readonly port: number | null
  /** Domain, address or network; of HTTP by domain all of them. */
  readonly values: readonly string[]
  readonly byDomain: boolean
  readonly match: ChainMatch
}

interface Placed {
  readonly type: PassthroughMatch['type']
  readonly value: string
  readonly protocol: PassthroughRule['protocol']
  readonly port: number | null
}

/**
 * The rules of MeshPassthrough in the order in which chains are tried: exact names, longer suffixes, HTTP, all else. A chain that names the port
 * shuts out those that do not (Envoy `FilterChainMatch`), so what holds for all ports is said again for each that is named. Kuma:
 * `GetOrderedMatchers`.
 */
export function passthroughRules(matches: readonly PassthroughMatch[]): readonly PassthroughRule[] {
  const named = [...new Set(matches.map(({ port }) => port).filter((port) => port !== undefined))]
  const placed = matches.flatMap(({ type, value, port, protocol = 'tcp' }): readonly Placed[] => {
    const ports = port === undefined ? [null, ...named] : [port]
    return ports.map((one) => ({ type, value: value.toLowerCase(), protocol, port: one }))
  })
  const silent = new Set(
    placed.filter(({ protocol }) => protocol === 'mysql').map(({ port }) => port),
  )
  const groups = Map.groupBy(
    placed.filter((one) => !silent.has(one.port) || isBytes(one)),
    nameOf,
  )
  return [...groups]
    .map(([name, group]) => ruleOf(name, group, silent))
    .filter((rule) => rule !== null)
    .sort((a, b) => rankOf(b.match) - rankOf(a.match))
}

export const isHttpProtocol = (protocol: PassthroughRule['protocol']): boolean =>
  protocol === 'http' || protocol === 'http2' || protocol === 'grpc'

/** Of whom no first bytes are looked at. */
const isBytes = ({ protocol }: Placed): boolean => protocol === 'tcp' || protocol === 'mysql'

const joinsDomains = ({ type, protocol }: Placed): boolean =>
  type === 'Domain' && isHttpProtocol(protocol)

/** Kuma: `FilterChainName`. */
function nameOf(placed: Placed): string {
  const { protocol, value, port } = placed
  const what = isBytes(placed) ? 'tcp' : protocol
  const whom = joinsDomains(placed) ? '' : `${value}_`
  return `meshpassthrough_${what}_${whom}${port ?? '*'}`
}

function ruleOf(
  name: string,
  group: readonly Placed[],
  silent: ReadonlySet<number | null>,
): PassthroughRule | null {
  const [first] = group
  if (first === undefined) return null
  const { protocol, port, type, value } = first
  const http = isHttpProtocol(protocol)
  return {
    name,
    protocol,
    port,
    values: [...new Set(group.map((one) => one.value))],
    byDomain: type === 'Domain',
    match: {
      // Where the server speaks first, nothing is to be waited for.
      transport: protocol === 'tls' ? 'tls' : silent.has(port) ? 'any' : 'raw',
      serverNames: type === 'Domain' && !http && value !== '*' ? [value] : [],
      alpn: http ? ['http/1.1', 'h2c'] : [],
      destinations: type === 'Domain' ? [] : [value],
      destinationPorts: port === null ? [] : [port],
    },
  }
}

function rankOf({ serverNames, alpn }: ChainMatch): number {
  const [name] = serverNames
  if (name !== undefined) return name.startsWith('*') ? name.length : 1_000
  return alpn.length > 0 ? 1 : 0
}
