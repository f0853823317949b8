import type { Peer } from '../peer.ts'

/** No proxy at all: what the load generator and the upstream do on their own. */
export const direct: Peer = {
  name: 'direct',
  available: () => '',
  refuses: ({ path, of }) =>
    path === 'pair' || of === 'memory' ? 'has no processes to measure' : null,
  start: async ({ protocol, upstreamPorts }) => ({
    port: upstreamPorts[protocol],
    pids: [],
    words: () => '',
    stop: async () => {},
  }),
}
