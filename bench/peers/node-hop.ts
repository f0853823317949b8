import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { backendName, type Hop } from '../peer.ts'

/** The hop this process was started for. */
export const hopFromArgv = (): Hop => JSON.parse(process.argv[2] ?? '')

/** TLS settings for either end of an mTLS connection. */
export const tlsOptions = (hop: Hop) =>
  ({
    cert: readFileSync(hop.cert),
    key: readFileSync(hop.key),
    ca: readFileSync(hop.ca),
    minVersion: 'TLSv1.3',
    ecdhCurve: 'P-256',
    servername: backendName,
  }) as const

/** Serves the hop's port, with mTLS where the hop is the called side. */
export function serveHop(hop: Hop, listener: RequestListener): void {
  const server =
    hop.tls === 'downstream'
      ? createHttpsServer(
          { ...tlsOptions(hop), requestCert: true, rejectUnauthorized: true },
          listener,
        )
      : createHttpServer(listener)
  // Node closes idle connections after 5 s, sooner than the load generator expects.
  server.keepAliveTimeout = 3_600_000
  server.listen(hop.port, '127.0.0.1')
}
