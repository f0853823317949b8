import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Log } from '../../proxy/log.ts'
import type { SocketAddress } from '../cli/option.ts'
import type { Resolve } from './resolver.ts'

/** A socket that takes queries. */
export interface DnsSocket {
  /** As bound. */
  readonly port: number
  close(): Promise<void>
}

/** Takes queries by UDP, one a datagram. Rejects when the address cannot be bound. */
export async function startUdp(
  { host, port }: SocketAddress,
  resolve: Resolve,
  log: Log,
): Promise<DnsSocket> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', ipv6Only: isIPv6(host) })
  await new Promise<void>((bound, failed) => {
    socket.once('error', failed)
    socket.bind({ address: host, port, exclusive: true }, bound)
  })
  let open = true
  socket.removeAllListeners('error')
  socket.on('error', (error) => log.debug('DNS by UDP', { error: String(error) }))
  socket.on('message', (message, client) => {
    // Nobody can be answered at port 0, and trying to would throw.
    if (client.port === 0) return
    resolve(message, { transport: 'udp', port: client.port }, (response) => {
      if (response !== null && open) socket.send(response, client.port, client.address)
    })
  })
  return {
    port: socket.address().port,
    close() {
      open = false
      return new Promise((closed) => void socket.close(closed))
    },
  }
}
