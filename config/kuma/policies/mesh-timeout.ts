import * as v from 'valibot'
import { durationMs } from '../../duration.ts'
import { peerMatchOf } from '../peers.ts'
import { confsByPeer } from '../per-peer.ts'
import { translation, withPolicies } from '../policy.ts'
import { meshTimeoutConf } from '../schemas/mesh-timeout.ts'

/**
 * Kuma MeshTimeout. Towards a destination: connect and idle times of the cluster, request and stream times of the
 * routes. At an inbound: the same of the listener and of the connection to the application; the limits of requests may
 * differ by caller. A policy that leaves out a time means Kuma's default for it; where no policy speaks at all, the proxy's
 * own holds, which for a request head is 10 s where Kuma has none.
 */
export const meshTimeout = translation({
  kind: 'MeshTimeout',
  schema: meshTimeoutConf,
  cluster: ({ connectionTimeout, idleTimeout, http }, cluster, { direction }) => ({
    ...cluster,
    connectTimeoutMs: ms(connectionTimeout) ?? defaults[direction].connectMs,
    idleTimeoutMs: ms(idleTimeout) ?? defaults[direction].idleMs,
    maxStreamDurationMs: ms(http?.maxStreamDuration) ?? cluster.maxStreamDurationMs,
    maxConnectionDurationMs: ms(http?.maxConnectionDuration) ?? cluster.maxConnectionDurationMs,
  }),
  http: ({ idleTimeout, http }, filter, { direction }) => ({
    ...filter,
    idleTimeoutMs: ms(idleTimeout) ?? defaults[direction].idleMs,
    streamIdleTimeoutMs: ms(http?.streamIdleTimeout) ?? defaults[direction].streamIdleMs,
    requestHeadersTimeoutMs: ms(http?.requestHeadersTimeout) ?? filter.requestHeadersTimeoutMs,
    maxStreamDurationMs: ms(http?.maxStreamDuration) ?? filter.maxStreamDurationMs,
    maxConnectionDurationMs: ms(http?.maxConnectionDuration) ?? filter.maxConnectionDurationMs,
  }),
  tcp: ({ idleTimeout }, filter, { direction }) => ({
    ...filter,
    idleTimeoutMs: ms(idleTimeout) ?? defaults[direction].idleMs,
  }),
  route: ({ http }, route) => ({
    ...route,
    policies: withPolicies(route.policies, {
      kind: 'timeout',
      requestTimeoutMs: ms(http?.requestTimeout) ?? 15_000,
      streamIdleTimeoutMs: ms(http?.streamIdleTimeout),
      byPeer: [],
    }),
  }),
  inbound: (entries, filter, { protocol }) => {
    if (protocol === 'tcp' || entries.length === 0) return filter
    const limits = confsByPeer(entries).map(({ peer, conf }) => ({ peer, ...limitsOf(conf) }))
    const everyone = limits.find(({ peer }) => peer === null) ?? limitsOf({})
    const { requestTimeoutMs, streamIdleTimeoutMs } = everyone
    const byPeer = limits.flatMap(({ peer, ...own }) =>
      peer === null ? [] : [{ ...own, peer: peerMatchOf(peer) }],
    )
    const timeout = { kind: 'timeout', requestTimeoutMs, streamIdleTimeoutMs, byPeer } as const
    return { ...filter, policies: withPolicies(filter.policies, timeout) }
  },
})

/** Source: Kuma `policies_defaults`. */
const defaults = {
  outbound: { connectMs: 5_000, idleMs: 3_600_000, streamIdleMs: 1_800_000 },
  inbound: { connectMs: 10_000, idleMs: 7_200_000, streamIdleMs: 3_600_000 },
} as const

/** What of the limits at an inbound may differ by caller. */
function limitsOf(conf: unknown) {
  const { http } = v.parse(meshTimeoutConf, conf)
  return {
    requestTimeoutMs: ms(http?.requestTimeout) ?? 0,
    streamIdleTimeoutMs: ms(http?.streamIdleTimeout),
  }
}

const ms = (duration: string | undefined): number | null =>
  duration === undefined ? null : durationMs(duration)
