import {
  createServer as createHttp,
  type IncomingHttpHeaders,
  type RequestListener,
} from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { stringify } from 'yaml'
import type { Sidecar } from '../../config/kuma-cp/node.ts'
import type { Raw } from '../../proxy/problems.ts'
import { type TestCa, testCa, testLeaf } from './pki.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** A sidecar as a control plane is told of it. */
export const sidecar = (over: Partial<Sidecar> = {}): Sidecar => ({
  version: '1.2.3',
  nodeVersion: 'v26.0.0',
  mesh: 'default',
  name: 'web-1',
  dataplane: '{"type":"Dataplane"}',
  admin: { host: '127.0.0.1', port: 9901 },
  workDir: '/run/outrider',
  bindOutbounds: false,
  dnsPort: 15_053,
  transparentProxy: null,
  metricsCertificate: { certPath: '', keyPath: '' },
  systemCaPath: '/etc/ssl/certs/ca-certificates.crt',
  spire: { supported: false, socketPath: '' },
  ipv6: true,
  dynamicMetadata: {},
  ...over,
})

/** What of a bootstrap differs from Kuma's usual one. */
export interface BootstrapOver {
  readonly host?: string
  readonly port?: number
  readonly sni?: string
  readonly ca?: string
  readonly token?: string
  readonly apiType?: string
  readonly hds?: boolean
  readonly tls?: boolean
}

/** A bootstrap as Kuma 3.0 writes it for Envoy, as far as it matters to us. */
export function kumaBootstrap(over: BootstrapOver = {}): Raw {
  const { host = 'localhost', port = 5678, ca = 'PEM', tls = true } = over
  const source = (apiType: string) => ({
    apiType,
    grpcServices: [
      {
        envoyGrpc: { clusterName: 'system_ads' },
        ...(over.token !== undefined && {
          initialMetadata: [{ key: 'authorization', value: over.token }],
        }),
      },
    ],
    setNodeOnFirstMessageOnly: true,
    transportApiVersion: 'V3',
  })
  const transportSocket = {
    name: 'envoy.transport_sockets.tls',
    typedConfig: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      commonTlsContext: { validationContextSdsSecretConfig: { name: 'cp_validation_ctx' } },
      sni: over.sni ?? host,
    },
  }
  const endpoint = { address: { socketAddress: { address: host, portValue: port } } }
  const pipe = { address: { pipe: { path: '/tmp/kuma-al.sock' } } }
  const cluster = (name: string, at: Raw) => ({
    name,
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [{ endpoint: at }] }] },
  })
  return {
    admin: { address: { socketAddress: { address: '127.0.0.1', portValue: 9901 } } },
    node: { id: 'default.web-1', cluster: 'web', metadata: { 'dataplane.admin.port': '9901' } },
    dynamicResources: {
      adsConfig: source(over.apiType ?? 'DELTA_GRPC'),
      cdsConfig: { ads: {}, initialFetchTimeout: '0s', resourceApiVersion: 'V3' },
    },
    ...(over.hds !== false && { hdsConfig: source('GRPC') }),
    staticResources: {
      clusters: [
        cluster('system_access_log_sink', pipe),
        { ...cluster('system_ads', endpoint), ...(tls && { transportSocket }) },
      ],
      secrets: [
        {
          name: 'cp_validation_ctx',
          validationContext: {
            matchTypedSubjectAltNames: [{ matcher: { exact: host }, sanType: 'DNS' }],
            trustedCa: { inlineBytes: Buffer.from(ca).toString('base64') },
          },
        },
      ],
    },
  }
}

/** What a control plane answers to `POST /bootstrap`. */
export interface BootstrapReply {
  readonly status: number
  readonly body: string
}

export const giveBootstrap = (bootstrap: Raw): BootstrapReply => ({
  status: 200,
  body: JSON.stringify({
    bootstrap: Buffer.from(stringify(bootstrap)).toString('base64'),
    kumaSidecarConfiguration: { networking: { address: '10.0.0.1' } },
  }),
})

/** A control plane that knows `/bootstrap` alone. */
export interface BootstrapServer {
  readonly url: string
  readonly ca: TestCa
  /** Given one after the other, the last one from then on. */
  replies: readonly BootstrapReply[]
  readonly requests: readonly { readonly headers: IncomingHttpHeaders; readonly body: Raw }[]
}

/** Over TLS, with a certificate of `ca` for 127.0.0.1. */
export const bootstrapServer = (
  t: Test,
  ...replies: readonly BootstrapReply[]
): Promise<BootstrapServer> => serve(t, true, replies)

/** In plaintext. */
export const plainBootstrapServer = (
  t: Test,
  ...replies: readonly BootstrapReply[]
): Promise<BootstrapServer> => serve(t, false, replies)

async function serve(
  t: Test,
  tls: boolean,
  replies: readonly BootstrapReply[],
): Promise<BootstrapServer> {
  const ca = testCa()
  const sans = [{ kind: 'ip', value: '127.0.0.1' } as const]
  const { certificate, key } = testLeaf(ca, null, { sans })
  const requests: { headers: IncomingHttpHeaders; body: Raw }[] = []
  const answer: RequestListener = async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    requests.push({
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
    })
    const reply = life.replies[requests.length - 1] ?? life.replies.at(-1)
    response.writeHead(reply?.status ?? 500).end(reply?.body)
  }
  const server = tls ? createHttps({ cert: certificate, key }, answer) : createHttp(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  const { port } = server.address() as AddressInfo
  const life: BootstrapServer = {
    url: `http${tls ? 's' : ''}://127.0.0.1:${port}`,
    ca,
    replies,
    requests,
  }
  return life
}
