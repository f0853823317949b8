import { Agent, request } from 'undici'
import * as v from 'valibot'
import type { Clock } from '../../proxy/clock.ts'
import { type Bootstrap, readBootstrap } from './bootstrap.ts'
import { featuresOf, type Sidecar, toldAdmin, transparentProxyConfig, versionOf } from './node.ts'

/** What a control plane made of our request. */
export type Answer =
  | { readonly kind: 'given'; readonly bootstrap: Bootstrap }
  /** Asking again will not help: something has to be changed first. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

export interface BootstrapRequest {
  /** As in `https://kuma-cp:5678`. */
  readonly url: string
  /** PEM the operator gave; null is the system's roots. */
  readonly ca: string | null
  /** The system's roots, PEM. */
  readonly systemRoots: readonly string[]
  readonly skipVerify: boolean
  readonly token: string | null
  readonly sidecar: Sidecar
  readonly clock: Clock
}

/** For the whole exchange. Source: kuma-dp. */
const timeoutMs = 10_000
const maxBytes = 1_048_576
const operatingSystem = 'linux'

const answer = v.object({ bootstrap: v.string() })

/** Asks a control plane once for what Envoy would be started with (`POST /bootstrap`). Source: Kuma `pkg/xds/bootstrap`. */
export async function requestBootstrap(options: BootstrapRequest): Promise<Answer> {
  const { ca, systemRoots, skipVerify, clock } = options
  const dispatcher = new Agent({
    connect: { ca: ca ?? [...systemRoots], rejectUnauthorized: !skipVerify },
    maxResponseSize: maxBytes,
  })
  const abort = new AbortController()
  const timer = clock.after(timeoutMs, () => abort.abort(new Error('no answer in 10 s')))
  try {
    const { statusCode, body } = await request(new URL('/bootstrap', options.url), {
      dispatcher,
      method: 'POST',
      // Any other `accept` gets bare YAML.
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(options)),
      signal: abort.signal,
    })
    return judge(statusCode, await body.text())
  } catch (error) {
    return failed(reasonOf(error, ca !== null))
  } finally {
    timer.cancel()
    void dispatcher.destroy()
  }
}

function bodyOf({ ca, token, sidecar }: BootstrapRequest) {
  const { mesh, name, dataplane, metricsCertificate, dynamicMetadata } = sidecar
  const admin = toldAdmin(sidecar)
  return {
    mesh,
    name,
    proxyType: 'dataplane',
    ...(token !== null && { dataplaneToken: token }),
    ...(dataplane !== null && { dataplaneResource: dataplane }),
    version: versionOf(sidecar),
    caCert: ca ?? '',
    dynamicMetadata,
    ...(admin !== null && { readinessPort: admin.port }),
    ...(sidecar.dnsPort > 0 && { dnsPort: sidecar.dnsPort }),
    operatingSystem,
    features: featuresOf(sidecar),
    resources: { maxHeapSizeBytes: 0 },
    workdir: sidecar.workDir,
    metricsResources: metricsCertificate,
    systemCaPath: sidecar.systemCaPath,
    ipv6Enabled: sidecar.ipv6,
    ...(sidecar.transparentProxy !== null && {
      dataplaneConfig: transparentProxyConfig(sidecar.transparentProxy),
    }),
    spireResources: { socketPath: sidecar.spire.socketPath },
  }
}

/** Go's answer for a path nobody serves; a Dataplane that is not there yet has none. */
const wrongPort = '404: Page Not Found'

function judge(status: number, text: string): Answer {
  if (status === 200) return given(text)
  const said = text.trim().slice(0, 2_000)
  if (status === 404 && said === '')
    return failed(
      'the Dataplane is not known to the control plane (or its mesh is not); create it there or bring it along with --dataplane-file',
    )
  if (status === 404 && said.startsWith(wrongPort))
    return refused(
      'there is no /bootstrap at this address; --cp-address needs the port for data planes (5678 unless changed), not the API port (5681)',
    )
  if (status >= 400 && status < 500) return refused(`the control plane says: ${said} (${status})`)
  return failed(`the control plane answered ${status}`)
}

function given(text: string): Answer {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return failed('the answer is not JSON; is this a control plane of Kuma?')
  }
  const checked = v.safeParse(answer, raw)
  if (!checked.success) return failed('the answer holds no bootstrap')
  const yaml = Buffer.from(checked.output.bootstrap, 'base64').toString('utf8')
  const read = readBootstrap(yaml)
  return read.ok
    ? { kind: 'given', bootstrap: read.bootstrap }
    : failed(`the bootstrap ${read.message}`)
}

const failed = (message: string): Answer => ({ kind: 'failed', message })
const refused = (message: string): Answer => ({ kind: 'refused', message })

/** Node says of a certificate nobody vouches for what it is, not what to do. */
const trustCodes = /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/

function reasonOf(error: unknown, withCa: boolean): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (!trustCodes.test(code)) return error.message === '' ? code : error.message
  const hint = withCa ? 'that of --ca-cert-file is not its CA' : 'give its CA with --ca-cert-file'
  return `${error.message.replace(/;.*$/s, '')}; ${hint}`
}
