import { durationMs } from '../duration.ts'
import { translation, withPolicies } from '../policy.ts'
import { meshTimeoutConf } from '../schemas/mesh-timeout.ts'

/**
 * Kuma MeshTimeout. Towards a destination: connect and idle times of the cluster, request and stream times of the
 * routes. At an inbound: the same of the listener and of the connection to the application. What no policy sets keeps the
 * default it has here, which for a request head is 10 s where Kuma has none.
 */
export const meshTimeout = translation({
  kind: 'MeshTimeout',
  schema: meshTimeoutConf,
  cluster: ({ connectionTimeout, idleTimeout, http }, cluster) => ({
    ...cluster,
    connectTimeoutMs: ms(connectionTimeout) ?? cluster.connectTimeoutMs,
    idleTimeoutMs: ms(idleTimeout) ?? cluster.idleTimeoutMs,
    maxStreamDurationMs: ms(http?.maxStreamDuration) ?? cluster.maxStreamDurationMs,
    maxConnectionDurationMs: ms(http?.maxConnectionDuration) ?? cluster.maxConnectionDurationMs,
  }),
  http: ({ idleTimeout, http }, filter, { direction }) => ({
    ...filter,
    idleTimeoutMs: ms(idleTimeout) ?? filter.idleTimeoutMs,
    streamIdleTimeoutMs: ms(http?.streamIdleTimeout) ?? filter.streamIdleTimeoutMs,
    requestHeadersTimeoutMs: ms(http?.requestHeadersTimeout) ?? filter.requestHeadersTimeoutMs,
    maxStreamDurationMs: ms(http?.maxStreamDuration) ?? filter.maxStreamDurationMs,
    maxConnectionDurationMs: ms(http?.maxConnectionDuration) ?? filter.maxConnectionDurationMs,
    policies:
      direction === 'outbound'
        ? filter.policies
        : withPolicies(filter.policies, {
            kind: 'timeout',
            requestTimeoutMs: ms(http?.requestTimeout) ?? 0,
            streamIdleTimeoutMs: null,
          }),
  }),
  tcp: ({ idleTimeout }, filter) => ({
    ...filter,
    idleTimeoutMs: ms(idleTimeout) ?? filter.idleTimeoutMs,
  }),
  route: ({ http }, route) => ({
    ...route,
    policies: withPolicies(route.policies, {
      kind: 'timeout',
      requestTimeoutMs: ms(http?.requestTimeout) ?? 15_000,
      streamIdleTimeoutMs: ms(http?.streamIdleTimeout),
    }),
  }),
})

const ms = (duration: string | undefined): number | null =>
  duration === undefined ? null : durationMs(duration)
