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

/**
 * What is spoken on the wire: the one place that decides it. Between the proxies of a mesh with mutual TLS all HTTP is
 * HTTP/2, as in Kuma; elsewhere it is what the destination declares.
 */
export const wireProtocol = (protocol: Protocol, betweenProxies: boolean): Cluster['protocol'] => {
  if (!isHttp(protocol)) return 'tcp'
  return betweenProxies || protocol !== 'http' ? 'http2' : 'http1'
}
