import { isIP } from 'node:net'
import * as v from 'valibot'
import { parse } from 'yaml'
import type { Raw } from '../../proxy/problems.ts'

/** What we honour of the bootstrap a control plane gives to Envoy. */
export interface Bootstrap {
  /** `envoy.config.core.v3.Node`. */
  readonly node: Raw
  /** The incremental protocol (DELTA_GRPC), else the state of the world (GRPC). */
  readonly delta: boolean
  /** `host:port` of ADS and HDS. */
  readonly target: string
  /** Null speaks plaintext. */
  readonly tls: {
    /** PEM of the roots; null trusts the system's. */
    readonly ca: string | null
    /** Name in the certificate where it is not the host of `target`; null else. */
    readonly serverName: string | null
  } | null
  /** Sent with each stream as `authorization`; null sends none. A secret. */
  readonly token: string | null
  /** Whether it wants to hear of our health. */
  readonly hds: boolean
}

export type ReadBootstrap =
  | { readonly ok: true; readonly bootstrap: Bootstrap }
  | { readonly ok: false; readonly message: string }

const named = v.object({ name: v.string() })
const socketAddress = v.object({ address: v.string(), portValue: v.number() })
const source = v.object({
  apiType: v.optional(v.string(), 'GRPC'),
  grpcServices: v.optional(
    v.array(
      v.object({
        envoyGrpc: v.optional(v.object({ clusterName: v.string() })),
        initialMetadata: v.optional(v.array(v.object({ key: v.string(), value: v.string() })), []),
      }),
    ),
    [],
  ),
})
const validation = v.object({
  trustedCa: v.optional(
    v.object({ inlineBytes: v.optional(v.string()), inlineString: v.optional(v.string()) }),
  ),
})
const tlsContext = v.object({
  sni: v.optional(v.string()),
  commonTlsContext: v.optional(
    v.object({
      validationContext: v.optional(validation),
      validationContextSdsSecretConfig: v.optional(named),
    }),
    {},
  ),
})
const cluster = v.object({
  name: v.string(),
  loadAssignment: v.optional(
    v.object({
      endpoints: v.array(
        v.object({
          lbEndpoints: v.array(
            v.object({
              endpoint: v.object({
                address: v.object({ socketAddress: v.optional(socketAddress) }),
              }),
            }),
          ),
        }),
      ),
    }),
  ),
  transportSocket: v.optional(v.object({ typedConfig: v.optional(tlsContext, {}) })),
})
const envoyBootstrap = v.object({
  node: v.record(v.string(), v.unknown()),
  dynamicResources: v.object({ adsConfig: source }),
  hdsConfig: v.optional(source),
  staticResources: v.object({
    clusters: v.array(cluster),
    secrets: v.optional(
      v.array(v.object({ name: v.string(), validationContext: v.optional(validation) })),
      [],
    ),
  }),
})
type EnvoyBootstrap = v.InferOutput<typeof envoyBootstrap>
type EnvoyCluster = v.InferOutput<typeof cluster>

/** The bootstrap's YAML is some kilobytes; anchors do not occur in it. */
const yamlOptions = { maxAliasCount: 0, logLevel: 'error' } as const

/**
 * Reads the YAML of Kuma's bootstrap (`envoy.config.bootstrap.v3.Bootstrap`): node, ADS and HDS, the cluster of both with
 * its trust (`cp_validation_ctx`). Listeners, stats and runtime in it are Envoy's own affair.
 */
export function readBootstrap(yaml: string): ReadBootstrap {
  let raw: unknown
  try {
    raw = parse(yaml, yamlOptions)
  } catch (error) {
    return refuse(`is not YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
  const checked = v.safeParse(envoyBootstrap, raw)
  if (!checked.success) {
    const [issue] = checked.issues
    return refuse(`${v.getDotPath(issue) ?? ''}: ${issue.message}`)
  }
  return bootstrapOf(checked.output)
}

const refuse = (message: string): ReadBootstrap => ({ ok: false, message })

function bootstrapOf(envoy: EnvoyBootstrap): ReadBootstrap {
  const { adsConfig } = envoy.dynamicResources
  const [service] = adsConfig.grpcServices
  const name = service?.envoyGrpc?.clusterName
  const ads = envoy.staticResources.clusters.find((one) => one.name === name)
  const endpoint = ads?.loadAssignment?.endpoints[0]?.lbEndpoints[0]?.endpoint
  const address = endpoint?.address.socketAddress
  if (ads === undefined || address === undefined)
    return refuse('does not say where the ADS server is')
  const host = isIP(address.address) === 6 ? `[${address.address}]` : address.address
  return {
    ok: true,
    bootstrap: {
      node: envoy.node,
      delta: adsConfig.apiType === 'DELTA_GRPC',
      target: `${host}:${address.portValue}`,
      tls: tlsOf(ads, address.address, envoy),
      token: service?.initialMetadata.find(({ key }) => key === 'authorization')?.value ?? null,
      hds: envoy.hdsConfig !== undefined,
    },
  }
}

function tlsOf(ads: EnvoyCluster, host: string, envoy: EnvoyBootstrap): Bootstrap['tls'] {
  if (ads.transportSocket === undefined) return null
  const { sni, commonTlsContext } = ads.transportSocket.typedConfig
  const secret = envoy.staticResources.secrets.find(
    (one) => one.name === commonTlsContext?.validationContextSdsSecretConfig?.name,
  )
  const trust = (commonTlsContext?.validationContext ?? secret?.validationContext)?.trustedCa
  const bytes = trust?.inlineBytes
  const ca = bytes === undefined ? trust?.inlineString : Buffer.from(bytes, 'base64').toString()
  const other = sni !== undefined && sni !== '' && sni !== host && isIP(sni) === 0
  return { ca: ca ?? null, serverName: other ? sni : null }
}
