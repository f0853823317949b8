import type { DataplaneBody } from './schemas/dataplane.ts'

/** An IP version, and what stands for it where traffic is intercepted. */
export interface Family {
  readonly name: 'ipv4' | 'ipv6'
  readonly everywhere: '0.0.0.0' | '::'
  /** Where our own calls to the application come from, so that nobody intercepts them again. Kuma: `TransparentInPassThroughIPv4`. */
  readonly source: '127.0.0.6' | '::6'
  /** Ends the names of the sockets that the process is started with. */
  readonly suffix: '' | '6'
}

/** How the system leads traffic to a proxy. */
export interface Interception {
  /** Ports that it is led to; 0: what others call is not intercepted. */
  readonly inboundPort: number
  readonly outboundPort: number
  readonly families: readonly Family[]
}

const ipv4: Family = { name: 'ipv4', everywhere: '0.0.0.0', source: '127.0.0.6', suffix: '' }
const ipv6: Family = { name: 'ipv6', everywhere: '::', source: '::6', suffix: '6' }

const families = { UnSpecified: [ipv4, ipv6], DualStack: [ipv4, ipv6], IPv4: [ipv4], IPv6: [ipv6] }

/** What a Dataplane says of it; null: nothing is intercepted. Kuma: `networking.transparentProxying`. */
export function interceptionOf({ networking }: DataplaneBody): Interception | null {
  const {
    redirectPortInbound: inboundPort = 0,
    redirectPortOutbound: outboundPort = 0,
    ipFamilyMode = 'DualStack',
  } = networking.transparentProxying ?? {}
  if (outboundPort === 0) return null
  return { inboundPort, outboundPort, families: families[ipFamilyMode] }
}

/** An address that nobody can call but this machine. */
export const isLoopback = (address: string): boolean =>
  address.startsWith('127.') || address === '::1'

/** The address our calls to the application come from where the way back would be intercepted; null: any. */
export function sourceTowards(interception: Interception | null, address: string): string | null {
  if (interception === null || interception.inboundPort === 0 || isLoopback(address)) return null
  return (address.includes(':') ? ipv6 : ipv4).source
}
