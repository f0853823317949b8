import { isIPv6 } from 'node:net'
import type { Environment } from '../environment.ts'
import type { MeshView } from './mesh-view.ts'
import type { MeshOpenTelemetryBackendBody } from './schemas/destinations.ts'

/** What is sent to a collector. */
export type Signal = 'traces' | 'metrics' | 'logs'

/** How policies name a collector: inline (2.x), or by reference. */
interface Section {
  readonly endpoint?: string | undefined
  readonly backendRef?: { readonly name: string } | undefined
}

type Backend = MeshOpenTelemetryBackendBody['spec']

/**
 * Where a signal goes: `grpc://host:port`, or `http://host:port/path` with the signal's own part; with TLS `grpcs`, `https`.
 * Null when the reference leads nowhere. Inline it is gRPC, as in Kuma, but on the port that collectors keep for HTTP.
 */
export function collectorOf(
  section: Section | undefined,
  signal: Signal,
  view: MeshView,
): string | null {
  if (section?.endpoint !== undefined) {
    const { endpoint } = section
    return endpoint.endsWith(':4318') ? `http://${endpoint}/v1/${signal}` : `grpc://${endpoint}`
  }
  const backend = view
    .all('MeshOpenTelemetryBackend')
    .find(({ name }) => name === section?.backendRef?.name)
  return backend === undefined ? null : backendUrl(backend.body.spec, signal, view.environment)
}

/** One word on where a signal goes; what it does not say others may. */
interface Word {
  readonly protocol: 'grpc' | 'http' | null
  /** Null where it says none, or one that the protocol cannot have. */
  place(protocol: 'grpc' | 'http'): string | null
}

/**
 * The URL of a signal, of what the resource says and what the variables of OpenTelemetry say; null when these are
 * required and not there. Kuma: `otelenv`.
 */
export function backendUrl(
  backend: Backend,
  signal: Signal,
  environment: Environment,
): string | null {
  const { mode = 'Optional', precedence = 'EnvFirst', allowSignalOverrides } = backend.env ?? {}
  const variables = mode === 'Disabled' ? [] : fromEnvironment(environment, signal)
  const allowed = allowSignalOverrides === false ? variables.slice(1) : variables
  const own =
    backend.endpoint === undefined ? silent(backend) : explicit(backend, signal, environment)
  const words = precedence === 'EnvFirst' ? [...allowed, own] : [own, ...allowed]
  const protocol = words.find((word) => word.protocol !== null)?.protocol ?? 'grpc'
  const place = (among: readonly Word[]): string | null =>
    among.reduce<string | null>((found, word) => found ?? word.place(protocol), null)
  if (mode === 'Required' && place(allowed) === null) return null
  return place([...words, explicit(backend, signal, environment)])
}

const silent = ({ protocol }: Backend): Word => ({
  protocol: protocol ?? null,
  place: () => null,
})

/** An address that is missing is that of the machine, as Kuma's own agent has it. */
const explicit = (
  { endpoint, protocol }: Backend,
  signal: Signal,
  { HOST_IP }: Environment,
): Word => ({
  protocol: protocol ?? null,
  place(chosen) {
    const { address = HOST_IP ?? '127.0.0.1', port = 4_317, path = '' } = endpoint ?? {}
    const host = `${isIPv6(address) ? `[${address}]` : address}:${port}`
    return urlOf(chosen, false, host, `${path.replace(/\/+$/, '')}/v1/${signal}`)
  },
})

/** What the variables of a signal say, then those of all signals. */
const fromEnvironment = (environment: Environment, signal: Signal): readonly Word[] =>
  [`_${signal.toUpperCase()}`, ''].map((of) => {
    const variable = (name: string): string | null =>
      environment[`OTEL_EXPORTER_OTLP${of}_${name}`]?.trim() || null
    const endpoint = variable('ENDPOINT')
    return {
      protocol: protocols[variable('PROTOCOL') ?? ''] ?? null,
      place(chosen) {
        if (endpoint === null) return null
        const url = endpoint.includes('://') ? URL.parse(endpoint) : null
        if (url === null) {
          const secure = variable('INSECURE')?.toLowerCase() === 'false'
          return urlOf(chosen, secure, endpoint, `/v1/${signal}`)
        }
        const path = url.pathname.replace(/\/+$/, '')
        if (chosen === 'grpc' && path !== '') return null
        // That of one signal is taken as it is. Source: OpenTelemetry, "Protocol Exporter", Endpoint URLs.
        const whole = of === '' ? `${path}/v1/${signal}` : path || '/'
        return urlOf(chosen, url.protocol !== 'http:', url.host, whole)
      },
    }
  })

const protocols: Readonly<Record<string, 'grpc' | 'http'>> = {
  grpc: 'grpc',
  'http/protobuf': 'http',
}

const urlOf = (protocol: 'grpc' | 'http', secure: boolean, host: string, path: string): string =>
  `${protocol}${secure ? 's' : ''}://${host}${protocol === 'grpc' ? '' : path}`
