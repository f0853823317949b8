import { readFileSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type { IdentityMaterial, PrometheusSettings } from '../../config/settings.ts'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import { nodeHttp, nodeHttps } from '../node-http.ts'

const maxConnections = 32
const requestMs = 10_000
/** An address that is in use is tried again so often. */
const retryMs = 5_000

/** PEM files for TLS mode `provided`. Kuma: `--metrics-cert-path`, `--metrics-key-path`. */
export interface ProvidedCertificate {
  readonly certPath: string
  readonly keyPath: string
}

export interface MetricsListenerOptions {
  readonly clock: Clock
  readonly log: Log
  readonly provided: ProvidedCertificate | null
  readonly scrape: (usedOnly: boolean) => Promise<{ readonly type: string; readonly body: string }>
}

/** Where Prometheus may scrape us from elsewhere: nothing but metrics, on one path. Kuma: MeshMetric. */
export interface MetricsListener {
  /** Binds, moves or ends; the same settings again change nothing but a renewed certificate. */
  apply(settings: PrometheusSettings | null, identity: IdentityMaterial | null): void
  /** As bound; null while it is not. */
  port(): number | null
  close(): Promise<void>
}

interface Wanted {
  readonly settings: PrometheusSettings
  readonly identity: IdentityMaterial | null
}

export function newMetricsListener(options: MetricsListenerOptions): MetricsListener {
  let wanted: Wanted | null = null
  let server: Server | null = null
  let retry: Timer | null = null
  let step: Promise<void> = Promise.resolve()
  const settle = async (): Promise<void> => {
    retry?.cancel()
    if (server !== null) await closeServer(server)
    server = null
    if (wanted === null) return
    try {
      server = await bind(wanted, options)
    } catch (error) {
      const { address, port } = wanted.settings
      options.log.error('metrics listener cannot start', { address, port, error: String(error) })
      retry = options.clock.after(retryMs, () => {
        step = step.then(settle)
      })
    }
  }
  return {
    apply(settings, identity) {
      const next = settings === null ? null : { settings, identity: usedBy(settings, identity) }
      if (isDeepStrictEqual(next, wanted)) return
      wanted = next
      step = step.then(settle)
    },
    port() {
      const bound = server?.address()
      return typeof bound === 'object' && bound !== null ? bound.port : null
    },
    close() {
      wanted = null
      step = step.then(settle)
      return step
    },
  }
}

const usedBy = (settings: PrometheusSettings, identity: IdentityMaterial | null) =>
  settings.tls === 'mesh' ? identity : null

async function bind(wanted: Wanted, options: MetricsListenerOptions): Promise<Server> {
  const { settings } = wanted
  const handler = serve(settings.path, options)
  const limits = { requestTimeout: requestMs, headersTimeout: requestMs }
  const server =
    settings.tls === 'disabled'
      ? nodeHttp.createServer(limits, handler)
      : nodeHttps.createServer({ ...limits, ...tlsOf(wanted, options) }, handler)
  server.maxConnections = maxConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: settings.address, port: settings.port }, resolve)
  })
  return server
}

/** Mode `mesh` is mutual: only who chains to the mesh's bundles may scrape. */
function tlsOf({ settings, identity }: Wanted, { provided }: MetricsListenerOptions) {
  if (settings.tls === 'mesh') {
    if (identity === null) throw new Error('there is no mesh certificate')
    return {
      cert: identity.chain,
      key: identity.key,
      ca: identity.bundles.map((one) => one.bundle),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: requestMs,
    }
  }
  if (provided === null) throw new Error('--metrics-cert-path and --metrics-key-path are not given')
  return {
    cert: readFileSync(provided.certPath),
    key: readFileSync(provided.keyPath),
    handshakeTimeout: requestMs,
  }
}

const serve =
  (path: string, options: MetricsListenerOptions): RequestListener =>
  (request, response) => {
    const [at, search = ''] = (request.url ?? '').split('?', 2)
    if (at !== path || request.method !== 'GET') {
      response.writeHead(at === path ? 405 : 404).end()
      return
    }
    const answer = options.scrape(new URLSearchParams(search).has('usedonly'))
    answer.then(
      ({ type, body }) => void response.writeHead(200, { 'content-type': type }).end(body),
      (error: unknown) => {
        options.log.error('scrape failed', { error: String(error) })
        response.writeHead(500).end()
      },
    )
  }

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => void server.close(() => resolve()))
}
