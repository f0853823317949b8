import { isIP } from 'node:net'
import { integer, newProblems, type Raw, records, text, texts } from '../../../proxy/problems.ts'
import type { DnsRecord, DnsSettings } from '../../settings.ts'
import { type Place, warn } from '../reading/report.ts'

/** Of a record that does not say. Kuma: `DNSGenerator`. */
const defaultTtlSeconds = 30
/** RFC 2181 §8. */
const maxTtlSeconds = 2_147_483_647
const maxNameLength = 253
/** What is found wrong is one warning for so many places at most. */
const shownProblems = 5

/** Kuma's lists of names for its agent's DNS proxy (`DNSProxyConfig`). What is wrong is a warning, and the rest counts. */
export function agentDns(given: Raw, at: Place): DnsSettings {
  // An empty list of Go's is null.
  const raw = { ...given, records: given.records ?? [] }
  const problems = newProblems()
  const found = records(raw, 'records', '', problems, (one, path): DnsRecord | null => {
    const name = text(one, 'name', path, problems)
    const addresses = texts({ ips: one.ips ?? [] }, 'ips', path, problems).filter((address) => {
      if (isIP(address) !== 0 && !address.includes('%')) return true
      problems.add(`${path}.ips`, `must be IP addresses, got ${JSON.stringify(address)}`)
      return false
    })
    if (isHostname(name)) return { name, addresses }
    problems.add(`${path}.name`, `must be a host name, got ${JSON.stringify(name)}`)
    return null
  })
  const ttlSeconds = integer(raw, 'ttl', '', problems, defaultTtlSeconds, 0, maxTtlSeconds)
  for (const { path, message } of problems.list.slice(0, shownProblems))
    warn(at, 'body', `${path} ${message}`)
  return { records: found.filter((one) => one !== null), ttlSeconds }
}

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i

const isHostname = (name: string): boolean =>
  name.length <= maxNameLength && name.split('.').every((one) => label.test(one))
