import { type Peer, packageVersion, startHops, startNodeHop } from '../peer.ts'

/** http-proxy-3 with a keep-alive agent (without one it opens a connection for each request). */
export const httpProxy3: Peer = {
  name: 'http-proxy-3',
  available: () => packageVersion('http-proxy-3'),
  refuses: ({ endpoints, protocol }) =>
    protocol === 'http2' ? 'speaks HTTP/1.1' : endpoints > 1 ? 'has no load balancing' : null,
  start: (topology) =>
    startHops(topology, (hop) => startNodeHop('http-proxy-3-program.ts', hop, topology)),
}
