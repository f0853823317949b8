import type { Raw } from '../../proxy/problems.ts'

/** What a control plane is told of this process. */
export interface Sidecar {
  /** Of Outrider. */
  readonly version: string
  /** As in `v26.10.0`. */
  readonly nodeVersion: string
  readonly mesh: string
  readonly name: string
  /** The Dataplane resource as JSON; null when it is known to the control plane already. */
  readonly dataplane: string | null
  /** Where our admin server is; port 0 is one that nobody can be told. */
  readonly admin: { readonly host: string; readonly port: number }
  /** Where sockets lie that the control plane sends traffic to. */
  readonly workDir: string
  /** A listener for each service on the address that the control plane assigns to it. */
  readonly bindOutbounds: boolean
  /** How connections are intercepted; null: they are not. */
  readonly transparentProxy: TransparentProxy | null
  /** Where our DNS proxy listens on loopback; 0 when there is none. */
  readonly dnsPort: number
  /** For MeshMetric with TLS of its own; empty without. */
  readonly metricsCertificate: { readonly certPath: string; readonly keyPath: string }
  /** The system's bundle of roots, for MeshExternalServices with TLS; empty without. */
  readonly systemCaPath: string
  readonly ipv6: boolean
  /** Whether a SPIRE agent's socket is there for us, where a control plane on Kubernetes expects it; a path of its own, or empty. */
  readonly spire: { readonly supported: boolean; readonly socketPath: string }
  /** As in `{ HOST_IP: '10.0.0.1' }`. */
  readonly dynamicMetadata: Readonly<Record<string, string>>
}

/** Kuma: `transparentproxy/config/dataplane`. */
export interface TransparentProxy {
  readonly ipFamilyMode: 'dualstack' | 'ipv4'
  /** Where intercepted connections of either direction arrive; null: they are not intercepted. */
  readonly inboundPort: number | null
  readonly outboundPort: number | null
}

/**
 * What we can do, in Kuma's words (`pkg/core/xds/types/features.go`). Not among them: `feature-otel-via-kuma-dp` (we speak to
 * collectors ourselves). `feature-transparent-proxy-in-dataplane-metadata` without the metadata
 * would mean interception as it usually is. The three last ones are for 2.x, where they ask for what 3.x always does.
 */
export const featuresOf = ({
  bindOutbounds,
  transparentProxy,
  dnsPort,
  spire,
}: Pick<
  Sidecar,
  'bindOutbounds' | 'transparentProxy' | 'dnsPort' | 'spire'
>): readonly string[] => [
  'feature-tcp-accesslog-via-named-pipe',
  'feature-strict-inbound-ports',
  'feature-reuse-port',
  ...(bindOutbounds ? ['feature-bind-outbounds'] : []),
  ...(transparentProxy === null ? [] : ['feature-transparent-proxy-in-dataplane-metadata']),
  ...(spire.supported ? ['feature-spire'] : []),
  'feature-delta-grpc',
  'feature-unified-resource-naming',
  ...(dnsPort > 0 ? ['feature-embedded-dns'] : []),
]

/**
 * Who we are, in kuma-dp's form. A control plane compares `kumaDp.version` with its own (`DeploymentVersionCompatible`) and
 * shows us as incompatible outside two minor versions; what is no semantic version counts as a development build
 * and is compatible. So we say what is true, `outrider-0.1.0`, and are not bound to one release of Kuma. It must be
 * there: without `kumaDp` the control plane fails. `envoy.version` is only shown.
 */
export const versionOf = ({ version, nodeVersion }: Pick<Sidecar, 'version' | 'nodeVersion'>) => ({
  kumaDp: { version: `outrider-${version}`, gitTag: '', gitCommit: '', buildDate: '' },
  envoy: { version: `outrider-${version}`, build: `node/${nodeVersion}`, kumaDpCompatible: true },
})

/** Other addresses of an admin server end the generation of resources (Kuma: `AdminProxyGenerator`). */
const adminHosts = ['127.0.0.1', '0.0.0.0', '::1', '::']

/** The admin server as a control plane may be told of it; null when it may not, and then shows no admin pages. */
export const toldAdmin = ({ admin }: Pick<Sidecar, 'admin'>): Sidecar['admin'] | null =>
  admin.port > 0 && adminHosts.includes(admin.host) ? admin : null

/**
 * The node of every stream (`envoy.config.core.v3.Node`). Ports are texts; `/ready` of our admin server is what
 * kuma-dp has a port of its own for. Of the node in the control plane's bootstrap, `answered`, only the cluster is taken: its
 * metadata are meant for Envoy, such as the Unix socket of an admin server that is not there.
 * Source: Kuma `pkg/core/xds/metadata.go`.
 */
export function nodeOf(sidecar: Sidecar, answered: Raw | null): Raw {
  const { mesh, name, dataplane, metricsCertificate, dynamicMetadata } = sidecar
  const admin = toldAdmin(sidecar)
  return {
    id: `${mesh}.${name}`,
    cluster: typeof answered?.cluster === 'string' ? answered.cluster : name,
    user_agent_name: 'outrider',
    user_agent_version: sidecar.version,
    metadata: {
      version: versionOf(sidecar),
      features: featuresOf(sidecar),
      'dataplane.proxyType': 'dataplane',
      ...(dataplane !== null && { 'dataplane.resource': dataplane }),
      ...adminMetadata(admin),
      ...(sidecar.dnsPort > 0 && { 'dataplane.dns.port': String(sidecar.dnsPort) }),
      workdir: sidecar.workDir,
      metricsCertPath: metricsCertificate.certPath,
      metricsKeyPath: metricsCertificate.keyPath,
      systemCaPath: sidecar.systemCaPath,
      ipv6Enabled: sidecar.ipv6,
      ...(sidecar.spire.socketPath !== '' && {
        'spireAgent.socketPath': sidecar.spire.socketPath,
      }),
      ...(sidecar.transparentProxy !== null && {
        transparentProxy: transparentProxyConfig(sidecar.transparentProxy),
      }),
      ...(Object.keys(dynamicMetadata).length > 0 && { dynamicMetadata }),
    },
  }
}

/** As it stands in the metadata and in the request for a bootstrap. */
export const transparentProxyConfig = ({
  ipFamilyMode,
  inboundPort,
  outboundPort,
}: TransparentProxy) => ({
  ipFamilyMode,
  redirect: { inbound: redirect(inboundPort), outbound: redirect(outboundPort) },
})

const redirect = (port: number | null) => ({ enabled: port !== null, port: port ?? 0 })

const adminMetadata = (admin: Sidecar['admin'] | null): Raw => ({
  'dataplane.admin.address': admin?.host ?? '127.0.0.1',
  'dataplane.admin.port': String(admin?.port ?? 0),
  ...(admin !== null && { 'dataplane.readinessReporter.port': String(admin.port) }),
})

/** Paths of sockets have to fit in 104 bytes (Kuma `pkg/core/xds/sockets.go`). */
const maxSocketPath = 98

/** Where a control plane expects the page of metrics: it makes a listener for Prometheus that forwards to this socket. */
export const metricsSocketOf = ({
  workDir,
  name,
  mesh,
}: Pick<Sidecar, 'workDir' | 'name' | 'mesh'>) =>
  `${`${workDir}/kuma-mh-${name}-${mesh}`.slice(0, maxSocketPath)}.sock`
