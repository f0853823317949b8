import type { Cluster } from '../../proxy/model/cluster.ts'
import type { Protocol } from './mesh-view.ts'

/** Whether a destination's traffic is understood as HTTP or carried as bytes. */
export const isHttp = (protocol: Protocol): boolean => protocol !== 'tcp'

/**
 * What is spoken to a peer proxy or to the local application: the one place that decides it. Kuma's proxies speak HTTP/2
 * to each other and the declared protocol to the application; here it is HTTP/1.1 in both places.
 */
export const wireProtocol = (protocol: Protocol): Cluster['protocol'] =>
  isHttp(protocol) ? 'http1' : 'tcp'
