import type { Listener } from '../../../proxy/model/listener.ts'
import type { ProxyView } from '../mesh-view.ts'

/** What made a resource, of the origins that Kuma knows. */
export type Origin = 'inbound' | 'outbound'

/** Clusters of the application beside us are inbound ones, all others are destinations. */
export const originOfCluster = ({ inbounds }: ProxyView, name: string): Origin =>
  inbounds.some(
    ({ serviceAddress, servicePort }) =>
      name === `localhost:${servicePort}` || name === `${serviceAddress}:${servicePort}`,
  )
    ? 'inbound'
    : 'outbound'

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
