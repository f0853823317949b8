import type { Cluster } from '../../proxy/model/cluster.ts'

/** What an application speaks, as far as we understand it. */
export type Protocol = 'tcp' | 'http' | 'http2' | 'grpc'

/** A protocol by name; what is not known is carried as bytes. */
export function protocolOf(name: string | undefined): Protocol {
  const known: readonly Protocol[] = ['tcp', 'http', 'http2', 'grpc']
  return known.find((protocol) => protocol === name) ?? 'tcp'
}

/** What a protocol can be taken for, itself first. */
const stacks: Readonly<Record<Protocol, readonly Protocol[]>> = {
  grpc: ['grpc', 'http2', 'tcp'],
  http2: ['http2', 'tcp'],
  http: ['http', 'tcp'],
  tcp: ['tcp'],
}

/** The most that all of them speak. Kuma: `GetCommonProtocol`. */
export function commonProtocol(protocols: readonly Protocol[]): Protocol {
  const [first = 'tcp', ...others] = protocols
  return stacks[first].find((one) => others.every((other) => stacks[other].includes(one))) ?? 'tcp'
}

/** Whether a destination's traffic is understood as HTTP or carried as bytes. */
export const isHttp = (protocol: Protocol): boolean => protocol !== 'tcp'

/** Whether an application that speaks it finds something else on the wire: gRPC does not work over HTTP/1.1. */
export const isCarriedAsHttp1 = (protocol: Protocol): boolean =>
  protocol === 'http2' || protocol === 'grpc'

/**
 * What is spoken to a peer proxy or to the local application: the one place that decides it. Kuma's proxies speak HTTP/2
 * to each other and the declared protocol to the application; here it is HTTP/1.1 in both places.
 */
export const wireProtocol = (protocol: Protocol): Cluster['protocol'] =>
  isHttp(protocol) ? 'http1' : 'tcp'
