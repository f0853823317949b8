import { lookup, resolve4, resolve6 } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Cluster as ClusterConfig } from '../model/cluster.ts'
import type { EndpointAddress, EndpointGroup, Locality } from '../model/endpoint.ts'
import type { Stats } from '../telemetry/metrics.ts'

/** A group with its host names looked up. */
export interface Found {
  readonly localities: readonly FoundLocality[]
  readonly overprovisioningPercent: number
}

export interface FoundLocality {
  readonly locality: Locality
  readonly addresses: readonly {
    /** What to connect to. */
    readonly host: string
    /** What the group says. */
    readonly address: EndpointAddress
  }[]
}

/** One address of a host name, and for how many seconds it may be kept; 0 when that is not known. */
export interface Resolved {
  readonly address: string
  readonly ttl: number
}

/** Rejects when the name could not be looked up; an empty answer means that it has no addresses. */
export type Resolve = (name: string) => Promise<readonly Resolved[]>

/** Keeps the addresses of a DNS cluster up to date. */
export interface Discovery {
  setGroup(group: EndpointGroup): void
  stop(): void
}

interface DiscoveryEnv {
  readonly clock: Clock
  readonly log: Log
  readonly stats: Stats<'cluster'>
  readonly resolve: Resolve
}

/** A host name being watched: `resolving` → `waiting` (timer set) → `resolving` …; `stopped` ends it. */
interface Watched {
  readonly name: string
  /** As last answered, sorted; empty before the first answer. */
  addresses: readonly string[]
  timer: Timer | null
  stopped: boolean
}

/** Longest time between two looks, whatever the TTL: names do move. */
const longestRefreshMs = 3_600_000

/** A group taken as it is: addresses, and names that the connection will resolve. */
export function foundAsGiven(group: EndpointGroup): Found {
  return findAll(group, (address) => [address.host])
}

/**
 * Every host name is looked up at once, and again after its TTL but not before `dnsRefreshMs`, each on its own; all its
 * addresses are endpoints. A failure keeps the old addresses; an empty answer removes them. `onFound` is called whenever
 * the addresses or the group have changed, never with an answer for a former group's name. Requests never wait for DNS.
 * Source: Envoy "Strict DNS"; `dns_jitter` is 10 % of the time to wait.
 */
export function newDiscovery(
  config: ClusterConfig,
  env: DiscoveryEnv,
  onFound: (found: Found) => void,
): Discovery {
  const watched = new Map<string, Watched>()
  let group: EndpointGroup | null = null
  const publish = (): void => {
    if (group === null) return
    onFound(
      findAll(group, ({ host }) =>
        needsLookup(host) ? (watched.get(host)?.addresses ?? []) : [host],
      ),
    )
  }
  return {
    setGroup(next) {
      group = next
      const names = namesOf(next)
      for (const entry of watched.values()) {
        if (names.has(entry.name)) continue
        stopWatching(entry)
        watched.delete(entry.name)
      }
      for (const name of names) {
        if (watched.has(name)) continue
        const entry: Watched = { name, addresses: [], timer: null, stopped: false }
        watched.set(name, entry)
        look(entry, config, env, publish)
      }
      publish()
    },
    stop() {
      for (const entry of watched.values()) stopWatching(entry)
      watched.clear()
      group = null
    },
  }
}

function stopWatching(entry: Watched): void {
  entry.stopped = true
  entry.timer?.cancel()
}

function look(entry: Watched, config: ClusterConfig, env: DiscoveryEnv, publish: () => void): void {
  const { clock, log, stats } = env
  entry.timer = null
  const lookAgain = (ms: number): void => {
    entry.timer = clock.after(ms * (1 + clock.random() / 10), () =>
      look(entry, config, env, publish),
    )
  }
  env.resolve(entry.name).then(
    (answer) => {
      if (entry.stopped) return
      stats.counters.update_success += 1
      const ttls = answer.map(({ ttl }) => ttl * 1_000)
      const ttl = Math.min(longestRefreshMs, ...ttls)
      lookAgain(ttls.length === 0 ? config.dnsRefreshMs : Math.max(config.dnsRefreshMs, ttl))
      const addresses = [...new Set(answer.map(({ address }) => address))].sort()
      if (addresses.join() === entry.addresses.join()) return
      entry.addresses = addresses
      publish()
    },
    (error: unknown) => {
      if (entry.stopped) return
      stats.counters.update_failure += 1
      lookAgain(config.dnsRefreshMs)
      const reason = error instanceof Error ? error.message : String(error)
      log.warn('a host name could not be looked up', {
        cluster: config.name,
        host: entry.name,
        reason,
        keptAddresses: entry.addresses.length,
      })
    },
  )
}

const needsLookup = (host: string): boolean => isIP(host) === 0 && !host.startsWith('/')

function namesOf(group: EndpointGroup): ReadonlySet<string> {
  const hosts = group.localities.flatMap(({ endpoints }) => endpoints.map(({ host }) => host))
  return new Set(hosts.filter(needsLookup))
}

function findAll(
  group: EndpointGroup,
  hostsOf: (address: EndpointAddress) => readonly string[],
): Found {
  return {
    overprovisioningPercent: group.overprovisioningPercent,
    localities: group.localities.map((locality) => ({
      locality,
      addresses: locality.endpoints.flatMap((address) =>
        hostsOf(address).map((host) => ({ host, address })),
      ),
    })),
  }
}

/**
 * Asks DNS for IPv4 addresses, then for IPv6 where there are none, then the system (`/etc/hosts`, search domains).
 * Empty when the name exists without addresses; rejects when it does not exist or nobody answers.
 */
export const systemResolve: Resolve = async (name) => {
  let failure: unknown = null
  for (const ask of [resolve4, resolve6]) {
    try {
      const answer = await ask(name, { ttl: true })
      if (answer.length > 0) return answer
    } catch (error) {
      if (isNoData(error)) continue
      // Not the other family then: a server that stumbles must not move us to addresses we may not reach.
      failure = error
      break
    }
  }
  try {
    const answer = await lookup(name, { all: true })
    const ipv4 = answer.filter(({ family }) => family === 4)
    return (ipv4.length > 0 ? ipv4 : answer).map(({ address }) => ({ address, ttl: 0 }))
  } catch {
    if (failure !== null) throw failure
    return []
  }
}

/** RFC 2308 §2.2: the name exists, but has no record of that type. */
const isNoData = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENODATA'
