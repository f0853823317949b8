import { definePolicy } from '../policy.ts'

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
  check: (_raw, _path, _problems): TimeoutConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
