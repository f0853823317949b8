import { type Peer, startHops, startNodeHop } from '../peer.ts'

/** A relay of `node:http2` with its request and response objects, as with `node:http`. */
export const nodeHttp2: Peer = relay('node:http2', 'requests')

/** The same with its streams alone, the least `node:http2` can do: one stream for one stream. */
export const nodeHttp2Streams: Peer = relay('node:http2-streams', 'streams')

function relay(name: string, style: 'requests' | 'streams'): Peer {
  return {
    name,
    available: () => process.version,
    refuses: ({ protocol, endpoints }) =>
      protocol === 'http1' ? 'speaks HTTP/2' : endpoints > 1 ? 'has no load balancing' : null,
    start: (topology) =>
      startHops(topology, (hop) => startNodeHop('node-http2-program.ts', hop, topology, [style])),
  }
}
