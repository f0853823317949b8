import { type Peer, startHops, startNodeHop } from '../peer.ts'

/** A relay made of `node:http2` on both sides, one stream for one stream: what Node's own codec costs. */
export const nodeHttp2: Peer = {
  name: 'node:http2',
  available: () => process.version,
  refuses: ({ protocol, endpoints }) =>
    protocol === 'http1' ? 'speaks HTTP/2' : endpoints > 1 ? 'has no load balancing' : null,
  start: (topology) =>
    startHops(topology, (hop) => startNodeHop('node-http2-program.ts', hop, topology)),
}
