import { definePolicy } from '../policy.ts'
import { integerOrNull, maxTimerMs, milliseconds, onlyKeys } from '../problems.ts'

/** Limits on an exchange, ms, 0 off. Kuma: MeshTimeout `http`; Envoy: route `timeout` and `idle_timeout`. */
export interface TimeoutConfig {
  /** From the whole request received to the whole answer sent. Default 15 s. */
  readonly requestTimeoutMs: number
  /** Nothing moved either way for so long. null leaves the listener's. */
  readonly streamIdleTimeoutMs: number | null
}

export const timeout = definePolicy({
  kind: 'timeout',
  at: ['listener', 'route'],
  check: (raw, path, problems): TimeoutConfig => {
    onlyKeys(raw, ['kind', 'requestTimeoutMs', 'streamIdleTimeoutMs'], path, problems)
    return {
      requestTimeoutMs: milliseconds(raw, 'requestTimeoutMs', path, problems, 15_000),
      streamIdleTimeoutMs: integerOrNull(raw, 'streamIdleTimeoutMs', path, problems, 0, maxTimerMs),
    }
  },
  create: ({ requestTimeoutMs, streamIdleTimeoutMs }) => ({
    request(x) {
      x.requestTimeoutMs = requestTimeoutMs
      if (streamIdleTimeoutMs !== null) x.streamIdleTimeoutMs = streamIdleTimeoutMs
      return 'continue'
    },
  }),
})
