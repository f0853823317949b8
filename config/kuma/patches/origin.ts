import type { Listener } from '../../../proxy/model/listener.ts'
import type { ProxyView } from '../mesh-view.ts'
import { noDestination } from '../passthrough/chains.ts'

/** What made a resource, of the origins that Kuma knows. */
export type Origin = 'inbound' | 'outbound' | 'transparent' | 'meshpassthrough' | 'unspecified'

/** Clusters of the application beside us are inbound ones; those of intercepted traffic are neither; all others are destinations. */
export function originOfCluster({ inbounds }: ProxyView, name: string): Origin {
  if (name.startsWith('meshpassthrough_')) return 'meshpassthrough'
  if (name === noDestination || name.includes(':passthrough:')) return 'transparent'
  const own = inbounds.some(
    ({ serviceAddress, servicePort }) =>
      name === `localhost:${servicePort}` || name === `${serviceAddress}:${servicePort}`,
  )
  return own ? 'inbound' : 'outbound'
}

export const originOfListener = ({ intercepts, direction }: Listener): Origin =>
  intercepts ? 'transparent' : direction

/** Tags of the inbound or outbound that a listener was made for. */
export function tagsOfListener(
  { resource, inbounds }: ProxyView,
  { direction, address, port }: Listener,
): Readonly<Record<string, string>> {
  if (direction === 'inbound') {
    return inbounds.find((one) => one.address === address && one.port === port)?.tags ?? {}
  }
  const outbounds = resource.body.networking.outbound ?? []
  return (
    outbounds.find((one) => (one.address ?? '127.0.0.1') === address && one.port === port)?.tags ??
    {}
  )
}
