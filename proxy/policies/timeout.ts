import { checkPeerMatch, compilePeerMatch, type PeerMatch } from '../peer-match.ts'
import { definePolicy } from '../policy.ts'
import {
  integerOrNull,
  maxTimerMs,
  milliseconds,
  onlyKeys,
  type Problems,
  type Raw,
  records,
} from '../problems.ts'

/** Limits on an exchange, ms, 0 off. Kuma: MeshTimeout `http`; Envoy: route `timeout` and `idle_timeout`. */
export interface TimeoutConfig {
  /** From the whole request received to the whole answer sent. Default 15 s. */
  readonly requestTimeoutMs: number
  /** Nothing moved either way for so long. null leaves the listener's. */
  readonly streamIdleTimeoutMs: number | null
  /** For some callers other limits: the first whose peer matches counts. Default none. Kuma: `rules` with `matches`. */
  readonly byPeer: readonly PeerTimeout[]
}

export interface PeerTimeout extends Omit<TimeoutConfig, 'byPeer'> {
  readonly peer: PeerMatch | null
}

export const timeout = definePolicy({
  kind: 'timeout',
  at: ['listener', 'route'],
  check: (raw, path, problems): TimeoutConfig => {
    onlyKeys(raw, ['kind', ...limitKeys, 'byPeer'], path, problems)
    return {
      ...checkLimits(raw, path, problems),
      byPeer: records(raw, 'byPeer', path, problems, (fields, at) => {
        onlyKeys(fields, [...limitKeys, 'peer'], at, problems)
        return { ...checkLimits(fields, at, problems), peer: checkPeerMatch(fields, at, problems) }
      }),
    }
  },
  create: (config) => {
    const byPeer = config.byPeer.map((one) => ({ ...one, concerns: compilePeerMatch(one.peer) }))
    return {
      request(x) {
        const own =
          byPeer.length === 0 ? undefined : byPeer.find(({ concerns }) => concerns(x.connection))
        const { requestTimeoutMs, streamIdleTimeoutMs } = own ?? config
        x.requestTimeoutMs = requestTimeoutMs
        if (streamIdleTimeoutMs !== null) x.streamIdleTimeoutMs = streamIdleTimeoutMs
        return 'continue'
      },
    }
  },
})

const limitKeys = ['requestTimeoutMs', 'streamIdleTimeoutMs']

const checkLimits = (
  raw: Raw,
  path: string,
  problems: Problems,
): Omit<TimeoutConfig, 'byPeer'> => ({
  requestTimeoutMs: milliseconds(raw, 'requestTimeoutMs', path, problems, 15_000),
  streamIdleTimeoutMs: integerOrNull(raw, 'streamIdleTimeoutMs', path, problems, 0, maxTimerMs),
})
