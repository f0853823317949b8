import * as grpc from '@grpc/grpc-js'
import { inbound, outbound } from './mtls-hop.ts'
import { type RunningProxy, runProxy } from './proxy.ts'
import { cluster } from './snapshot.ts'

interface Test {
  teardown(run: () => unknown): void
}

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value }
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/lab.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
})

/** A service in all four shapes, its messages plain bytes. */
export const echo = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  expand: method('Expand', false, true),
  chat: method('Chat', true, true),
} as const satisfies grpc.ServiceDefinition

export type EchoServer = grpc.UntypedServiceImplementation

/** A gRPC server on loopback. */
export async function grpcServer(t: Test, service: EchoServer): Promise<number> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 })
  server.addService(echo, service)
  t.teardown(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

export function grpcClient(t: Test, port: number): grpc.Client {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  })
  t.teardown(() => client.close())
  return client
}

export interface GrpcPair {
  readonly client: grpc.Client
  readonly caller: RunningProxy
  readonly callee: RunningProxy
}

/** Client → sidecar → mutual TLS → sidecar → server, HTTP/2 all the way. */
export async function grpcPair(t: Test, service: EchoServer): Promise<GrpcPair> {
  const app = await grpcServer(t, service)
  const callee = await runProxy(t, inbound(app, { clusters: [cluster({ protocol: 'http2' })] }))
  const out = outbound(callee.port())
  const clusters = out.clusters.map((one) => ({ ...one, protocol: 'http2' as const }))
  const caller = await runProxy(t, { ...out, clusters })
  return { client: grpcClient(t, caller.port()), caller, callee }
}
