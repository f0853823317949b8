import { BlockList, isIP } from 'node:net'

/** Tells whether an address lies in one of some networks. */
export type NetworkTest = (address: string) => boolean

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

/** True for every address when there are no networks. */
export function compileNetworks(networks: readonly string[]): NetworkTest {
  if (networks.length === 0) return () => true
  const list = new BlockList()
  for (const text of networks) {
    const network = parseNetwork(text)
    if (network === null) throw new Error(`${text} is no network`)
    list.addSubnet(network.address, network.bits, network.family)
  }
  return (address) => list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}
