import type { Socket } from 'node:net'
import type { Connecting } from '../../upstream/connect.ts'
import {
  type Connect,
  maxAnswerBytes,
  type Probe,
  type ProbeResult,
  type TcpSpec,
} from '../probe.ts'

/**
 * Connects; where there is something to receive, sends what is to be sent and waits until all blocks have come, in their
 * order, with anything between them. Wrong bytes look like bytes still missing, so they end in a time-out.
 * Source: Envoy `HealthCheck.TcpHealthCheck`, `PayloadMatcher`.
 */
export function tcpProbe(spec: TcpSpec, connect: Connect, reuse: boolean): Probe {
  const send = Buffer.from(spec.send, 'base64')
  const wanted = spec.receive.map((block) => Buffer.from(block, 'base64'))
  let connecting: Connecting | null = null
  let socket: Socket | null = null
  let answer = Buffer.alloc(0)
  let waiting: ((result: ProbeResult) => void) | null = null

  const finish = (result: ProbeResult): void => {
    const done = waiting
    waiting = null
    if (result !== 'success' || wanted.length === 0 || !reuse) drop()
    done?.(result)
  }
  const drop = (): void => {
    connecting?.destroy()
    connecting = null
    socket?.destroy()
    socket = null
  }
  const onData = (chunk: Buffer): void => {
    // What comes between two questions answers neither.
    if (waiting === null) return
    answer = Buffer.concat([answer, chunk])
    if (hasAll(answer, wanted)) finish('success')
    else if (answer.length > maxAnswerBytes) finish('network')
  }
  const ask = (to: Socket): void => {
    answer = Buffer.alloc(0)
    if (wanted.length === 0) finish('success')
    else if (send.length > 0) to.write(send)
  }
  const adopt = (fresh: Socket): void => {
    socket = fresh
    const onGone = (): void => {
      if (socket === fresh) finish('network')
      fresh.destroy()
    }
    fresh.on('error', onGone).on('end', onGone).on('close', onGone).on('data', onData)
    ask(fresh)
  }
  return {
    start(done) {
      waiting = done
      if (socket !== null) return ask(socket)
      connecting = connect((result) => {
        connecting = null
        if (result.ok) adopt(result.socket)
        else finish('network')
      })
    },
    close() {
      waiting = null
      drop()
    },
  }
}

function hasAll(answer: Buffer, wanted: readonly Buffer[]): boolean {
  let from = 0
  for (const block of wanted) {
    const at = answer.indexOf(block, from)
    if (at < 0) return false
    from = at + block.length
  }
  return true
}
