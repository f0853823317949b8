import { connect as connectSocket } from 'node:net'
import type { Connect, Probe } from '../../proxy/cluster/probe.ts'
import { grpcProbe } from '../../proxy/cluster/probes/grpc.ts'
import { http1Probe } from '../../proxy/cluster/probes/http1.ts'
import { tcpProbe } from '../../proxy/cluster/probes/tcp.ts'
import type { ProbeTarget } from './health.ts'

/** The probe of an endpoint that a control plane asks for, in plaintext, as Envoy's HDS does it. */
export function healthProbe(target: ProbeTarget): Probe {
  const { cluster, check } = target
  const { probe } = check
  const connect = connectTo(target)
  switch (probe.kind) {
    case 'tcp':
      return tcpProbe(probe, connect, false)
    case 'http':
      return http1Probe(probe, probe.host ?? cluster, connect, false)
    case 'grpc':
      return grpcProbe(probe, probe.authority ?? cluster, connect, false)
    default:
      return probe satisfies never
  }
}

/** Whoever probes ends what takes too long. */
const connectTo =
  ({ place: { host, port }, localAddress }: ProbeTarget): Connect =>
  (done) => {
    const to = port === 0 ? { path: host } : { host, port }
    const from = localAddress === null ? {} : { localAddress }
    const socket = connectSocket({ ...to, ...from, noDelay: true, allowHalfOpen: true })
    const onError = (error: NodeJS.ErrnoException): void =>
      done({ ok: false, detail: `connect_error(${error.code ?? 'unknown'})`, counter: null })
    socket.once('error', onError)
    socket.once('connect', () => {
      socket.removeListener('error', onError)
      done({ ok: true, socket, tls: null })
    })
    return { destroy: () => void socket.destroy() }
  }
