import type * as v from 'valibot'
import {
  anything,
  dataSource,
  envelope,
  filled,
  flag,
  integer,
  list,
  map,
  maybe,
  port,
  portOrName,
  stringMap,
  text,
  unsupported,
  word,
} from './shapes.ts'

/** Kuma `MeshService`: a named set of inbounds. */
export const meshService = map({
  ...envelope,
  spec: map({
    selector: maybe(
      map({
        dataplaneRef: maybe(map({ name: filled })),
        dataplaneLabels: maybe(map({ matchLabels: maybe(stringMap) })),
        dataplaneTags: maybe(stringMap),
      }),
    ),
    ports: maybe(
      list(
        map({
          port,
          name: maybe(filled),
          targetPort: maybe(portOrName),
          appProtocol: maybe(text),
        }),
      ),
    ),
    identities: maybe(list(map({ type: word(['SpiffeID', 'ServiceTag']), value: filled }))),
    state: maybe(word(['Available', 'Unavailable'])),
  }),
})
export type MeshServiceBody = v.InferOutput<typeof meshService>

/** Kuma `MeshMultiZoneService`: MeshServices under one name. */
export const meshMultiZoneService = map({
  ...envelope,
  spec: map({
    selector: map({ meshService: map({ matchLabels: maybe(stringMap) }) }),
    ports: maybe(list(map({ port, name: maybe(filled), appProtocol: maybe(text) }))),
  }),
})
export type MeshMultiZoneServiceBody = v.InferOutput<typeof meshMultiZoneService>

const verification = map({
  mode: maybe(word(['Secured', 'SkipSAN', 'SkipCA', 'SkipAll'])),
  serverName: maybe(filled),
  subjectAltNames: maybe(list(map({ type: maybe(word(['Exact', 'Prefix'])), value: filled }))),
  caCert: maybe(dataSource),
  clientCert: maybe(dataSource),
  clientKey: maybe(dataSource),
})

const tlsVersion = word(['TLSAuto', 'TLS10', 'TLS11', 'TLS12', 'TLS13'])

/** Kuma `MeshExternalService`: something outside the mesh under a name. */
export const meshExternalService = map({
  ...envelope,
  spec: map({
    match: map({
      type: maybe(word(['HostnameGenerator'])),
      port,
      protocol: maybe(word(['tcp', 'http', 'http2', 'grpc'])),
    }),
    endpoints: maybe(list(map({ address: filled, port: maybe(port), priority: maybe(integer) }))),
    tls: maybe(
      map({
        enabled: maybe(flag),
        version: maybe(map({ min: maybe(tlsVersion), max: maybe(tlsVersion) })),
        allowRenegotiation: unsupported(flag, 'TLS 1.3 has none, and TLS 1.2 is better without'),
        verification: maybe(verification),
      }),
    ),
    extension: unsupported(anything),
  }),
})
export type MeshExternalServiceBody = v.InferOutput<typeof meshExternalService>

const labelSelector = maybe(map({ matchLabels: maybe(stringMap) }))

/** Kuma `HostnameGenerator`: names for destinations. */
export const hostnameGenerator = map({
  ...envelope,
  spec: map({
    selector: maybe(
      map({
        meshService: labelSelector,
        meshExternalService: labelSelector,
        meshMultiZoneService: labelSelector,
      }),
    ),
    template: unsupported(text, 'there is no DNS of the mesh; list outbounds by address'),
    extension: unsupported(anything),
  }),
})

/** Kuma `MeshOpenTelemetryBackend`: a collector. */
export const meshOpenTelemetryBackend = map({
  ...envelope,
  spec: map({
    endpoint: map({ address: filled, port: maybe(port), path: maybe(text) }),
    protocol: maybe(word(['grpc', 'http'])),
    env: unsupported(anything, 'variables of the environment are not looked at'),
  }),
})
export type MeshOpenTelemetryBackendBody = v.InferOutput<typeof meshOpenTelemetryBackend>
