import { type Peer, packageVersion, startHops, startNodeHop } from '../peer.ts'

/** The proxy a careful Node programmer writes today: `node:http` in front, undici's `dispatch` behind, raw headers. */
export const undici: Peer = {
  name: 'undici',
  available: () => packageVersion('undici'),
  refuses: ({ endpoints, protocol }) =>
    protocol === 'http2' ? 'speaks HTTP/1.1' : endpoints > 1 ? 'has no load balancing' : null,
  start: (topology) =>
    startHops(topology, (hop) => startNodeHop('undici-program.ts', hop, topology)),
}
