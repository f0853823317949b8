import { BlockList, isIP } from 'node:net'

interface Network {
  readonly address: string
  readonly bits: number
  readonly family: 'ipv4' | 'ipv6'
}

/** `10.0.0.0/8`, `fd00::/8` or a bare address; null when it is none of these. */
export function parseNetwork(text: string): Network | null {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return null
  const most = version === 4 ? 32 : 128
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (bits === undefined) return { address, bits: most, family }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most
    ? { address, bits: Number(bits), family }
    : null
}

/** The bits of the longest of some networks that holds an address: 0 where there are none; null where none does. */
export type NetworkTest = (address: string) => number | null

export function compileNetworks(networks: readonly string[]): NetworkTest {
  if (networks.length === 0) return () => 0
  const lists = new Map<number, BlockList>()
  for (const text of networks) {
    const network = parseNetwork(text)
    if (network === null) throw new Error(`${text} is no network`)
    const list = lists.get(network.bits) ?? new BlockList()
    list.addSubnet(network.address, network.bits, network.family)
    lists.set(network.bits, list)
  }
  const longestFirst = [...lists].sort(([a], [b]) => b - a)
  return (address) => {
    const family = familyOf(address)
    const found = longestFirst.find(([, list]) => list.check(address, family))
    return found === undefined ? null : found[0]
  }
}

const familyOf = (address: string): Network['family'] => (address.includes(':') ? 'ipv6' : 'ipv4')

const mapped = new BlockList()
mapped.addSubnet('::ffff:0:0', 96, 'ipv6')

/** IPv4 in IPv6 clothes. */
const isMapped = (address: string): boolean => mapped.check(address, 'ipv6')

/**
 * Whether an address is in a network such as `10.0.0.0/8`. IPv4 in IPv6 clothes is IPv4, a zone (`%eth0`) is not looked at,
 * and what is no address is in none. Envoy: `CidrRange`.
 */
export function compileNetwork(text: string): (address: string) => boolean {
  const network = parseNetwork(text)
  if (network === null) throw new Error(`${text} is no network`)
  const list = new BlockList()
  list.addSubnet(network.address, network.bits, network.family)
  if (network.family === 'ipv4') return (address) => list.check(address, familyOf(address))
  return (address) => list.check(address, 'ipv6') && !isMapped(address)
}

/** Whether it is a network whose addresses are compared as what they are: not IPv4 in IPv6 clothes. */
export function isNetwork(text: string): boolean {
  const network = parseNetwork(text)
  if (network === null || network.address.includes('%')) return false
  return network.family === 'ipv4' || network.bits < 96 || !isMapped(network.address)
}
