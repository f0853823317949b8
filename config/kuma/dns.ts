import { isIPv6 } from 'node:net'
import type { DnsSettings } from '../settings.ts'
import type { Compiling } from './compiling.ts'
import type { CompiledOutbound } from './outbounds.ts'

/** Kuma's, short enough for addresses that change. */
const ttlSeconds = 30

/**
 * The names by which applications find what is intercepted: the host names of every destination with a virtual address of
 * a version of IP that is intercepted. Null where nothing is: then applications call outbounds by their addresses.
 */
export function dnsOf(
  { proxy }: Compiling,
  outbounds: readonly CompiledOutbound[],
): DnsSettings | null {
  if (proxy.interception === null) return null
  const { families } = proxy.interception
  const addresses = new Map<string, Set<string>>()
  for (const { listener, hostnames } of outbounds) {
    const { address, socket } = listener
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (socket.kind !== 'virtual' || families.every(({ name }) => name !== family)) continue
    for (const name of hostnames)
      addresses.set(name, (addresses.get(name) ?? new Set()).add(address))
  }
  const records = [...addresses].map(([name, found]) => ({ name, addresses: [...found] }))
  return { records, ttlSeconds }
}
