import { isIP } from 'node:net'
import { parseNetwork } from '../../../proxy/network.ts'
import type { Path, Reporter } from '../../report.ts'
import { isHttpProtocol } from '../passthrough/rules.ts'
import type { Resource } from '../resources.ts'
import type { PassthroughMatch } from '../schemas/mesh-passthrough.ts'

/** Reports matches that cannot be found in traffic, or that cannot be told apart. Kuma: `MeshPassthroughResource.validate`. */
export function checkPassthrough(policy: Resource<'MeshPassthrough'>, reporter: Reporter): void {
  const { passthroughMode = 'Matched', appendMatch = [] } = policy.body.spec.default ?? {}
  const at: Path = ['spec', 'default', 'appendMatch']
  if (passthroughMode !== 'Matched' && appendMatch.length > 0) {
    reporter.warn(policy, at, `has no effect with passthroughMode ${passthroughMode}`, {
      atKey: true,
    })
  }
  appendMatch.forEach((match, index) => {
    const say = (field: string, message: string, hint: string | null = null): void =>
      reporter.error(policy, [...at, index, field], message, { hint })
    checkValue(match, say)
    const before = appendMatch.slice(0, index)
    if (before.some((other) => isSame(other, match))) {
      say('value', `${match.value} stands here already, with this port and protocol`)
    }
    const rival = before.find((other) => isRival(other, match))
    if (rival !== undefined) {
      const what = `${protocolOf(rival)} and ${protocolOf(match)}`
      say('protocol', `${what} cannot be told apart on the same port`, 'give each its port')
    }
  })
  warnOfSilence(policy, appendMatch, at, reporter)
}

type Say = (field: string, message: string, hint?: string) => void

const protocolOf = ({ protocol = 'tcp' }: PassthroughMatch) => protocol

function checkValue(match: PassthroughMatch, say: Say): void {
  const { type, value, port } = match
  const protocol = protocolOf(match)
  if (protocol === 'mysql' && port === undefined) {
    say('protocol', 'mysql needs a port', 'on it no first bytes are waited for')
  }
  if (type === 'IP' && isIP(value) === 0) say('value', 'must be an IP address')
  if (type === 'CIDR' && (parseNetwork(value) === null || !value.includes('/'))) {
    say('value', 'must be a network such as 10.0.0.0/8')
  }
  if (type !== 'Domain') return
  if (protocol === 'tcp' || protocol === 'mysql') {
    const hint = 'say tls, http, http2 or grpc, or give an address'
    say('protocol', `${protocol} does not tell its domain`, hint)
  }
  if (!domain.test(value)) say('value', 'must be a domain such as example.org or *.example.org')
  else if (value.startsWith('*') && port === undefined && isHttpProtocol(protocol)) {
    say('value', `needs a port beside it with ${protocol}`)
  }
}

/** A DNS name, `*.` and one, or `*`. */
const domain = /^(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/i

const isSame = (a: PassthroughMatch, b: PassthroughMatch): boolean =>
  a.value === b.value && a.port === b.port && protocolOf(a) === protocolOf(b)

/** Versions of HTTP begin alike. A match for all ports is for each of them. */
function isRival(a: PassthroughMatch, b: PassthroughMatch): boolean {
  const [one, other] = [protocolOf(a), protocolOf(b)]
  if (!isHttpProtocol(one) || !isHttpProtocol(other) || one === other) return false
  return a.port === b.port || a.port === undefined || b.port === undefined
}

/** On a port of mysql nothing is looked into, so nothing is known of TLS and HTTP there. */
function warnOfSilence(
  policy: Resource<'MeshPassthrough'>,
  matches: readonly PassthroughMatch[],
  at: Path,
  reporter: Reporter,
): void {
  const silent = matches.filter((match) => protocolOf(match) === 'mysql').map(({ port }) => port)
  matches.forEach((match, index) => {
    const protocol = protocolOf(match)
    if (protocol === 'tcp' || protocol === 'mysql') return
    if (match.port === undefined || !silent.includes(match.port)) return
    const message = `has no effect: the port is one of mysql, where ${protocol} is not looked for`
    reporter.warn(policy, [...at, index, 'protocol'], message)
  })
}
