import type * as v from 'valibot'
import { tlsVersions } from './mesh-tls.ts'
import { calledResource, dataSource, resource } from './parts.ts'
import { list, map, maybe, must, unsupported, word } from './shapes.ts'
import { anything, filled, flag, integer, port, portOrName, stringMap, text } from './values.ts'

const ofControlPlane = 'extensions are parts of a control plane'

const matchLabels = maybe(stringMap, 'Labels that they must have.')
const portFields = {
  port: must(port, 'Port that callers name.'),
  name: maybe(filled, 'Name of the port; its number by default.'),
  appProtocol: maybe(
    text,
    'What is spoken: tcp, http, http2 or grpc. Others are carried as bytes.',
    'tcp',
  ),
}

/** Kuma `MeshService`: a named set of inbounds. */
export const meshService = calledResource('A service: inbounds of Dataplanes under a name.', {
  spec: must(
    map({
      selector: maybe(
        map({
          dataplaneRef: maybe(
            map({ name: must(filled, 'Name of the Dataplane.') }),
            'One Dataplane.',
          ),
          dataplaneLabels: maybe(map({ matchLabels }), 'Dataplanes by label.'),
          dataplaneTags: maybe(stringMap, 'Inbounds by tag (2.x).'),
        }),
        'Who serves it; nobody by default.',
      ),
      ports: maybe(
        list(
          map({
            ...portFields,
            targetPort: maybe(portOrName, 'Port or name of the inbound; `port` by default.'),
          }),
        ),
        'Its ports.',
      ),
      identities: maybe(
        list(
          map({
            type: must(word(['SpiffeID', 'ServiceTag']), 'What the value is.'),
            value: must(filled, 'SPIFFE ID, or value of kuma.io/service.'),
          }),
        ),
        'Who its servers are; what their Dataplanes say by default.',
      ),
      state: maybe(
        word(['Available', 'Unavailable']),
        'Whether the zone has an endpoint that is ready.',
      ),
    }),
    'The service itself.',
  ),
})
export type MeshServiceBody = v.InferOutput<typeof meshService>

/** Kuma `MeshMultiZoneService`: MeshServices under one name. */
export const meshMultiZoneService = calledResource(
  'MeshServices, of several zones, under one name.',
  {
    spec: must(
      map({
        selector: must(
          map({ meshService: must(map({ matchLabels }), 'MeshServices by label.') }),
          'Which services.',
        ),
        ports: maybe(list(map(portFields)), 'Its ports, those of the services.'),
      }),
      'The service itself.',
    ),
  },
)
export type MeshMultiZoneServiceBody = v.InferOutput<typeof meshMultiZoneService>

const verification = map({
  mode: maybe(
    word(['Secured', 'SkipSAN', 'SkipCA', 'SkipAll']),
    'What is not looked at: the name, the authority, or both.',
    'Secured',
  ),
  serverName: maybe(filled, 'Name we ask for (SNI); the host of the first endpoint by default.'),
  subjectAltNames: maybe(
    list(
      map({
        type: maybe(word(['Exact', 'Prefix']), 'How the value is compared.', 'Exact'),
        value: must(filled, 'Name, address or URI in the certificate.'),
      }),
    ),
    'Names the server may have; the one we ask for by default.',
  ),
  caCert: maybe(dataSource, 'Authorities that are trusted; those of the system by default.'),
  clientCert: maybe(dataSource, 'Certificate we show.'),
  clientKey: maybe(dataSource, 'Its key.'),
})

/** Kuma `MeshExternalService`: something outside the mesh under a name. */
export const meshExternalService = calledResource('Something outside the mesh under a name.', {
  spec: must(
    map({
      match: must(
        map({
          type: maybe(word(['HostnameGenerator']), 'How callers name it.', 'HostnameGenerator'),
          port: must(port, 'Port that callers name.'),
          protocol: maybe(word(['tcp', 'http', 'http2', 'grpc']), 'What is spoken.', 'tcp'),
        }),
        'How callers find it.',
      ),
      endpoints: maybe(
        list(
          map({
            address: must(filled, 'Address, host name, or path of a socket with unix://.'),
            port: maybe(port, 'Port; a socket has none.'),
            priority: maybe(integer, 'Larger ones are used when smaller ones fail.', 0),
          }),
        ),
        'Where it is.',
      ),
      tls: maybe(
        map({
          enabled: maybe(flag, 'Speak TLS.', false),
          version: maybe(tlsVersions, 'Versions that are spoken.'),
          allowRenegotiation: unsupported(flag, 'TLS 1.3 has none, and TLS 1.2 is better without'),
          verification: maybe(verification, 'What its certificate must say.'),
        }),
        'TLS on the way out.',
      ),
      extension: unsupported(anything, ofControlPlane),
    }),
    'The service itself.',
  ),
})
export type MeshExternalServiceBody = v.InferOutput<typeof meshExternalService>

const labelSelector = (about: string) => maybe(map({ matchLabels }), about)

/** Kuma `HostnameGenerator`: names for destinations. */
export const hostnameGenerator = resource('Host names for destinations.', {
  spec: must(
    map({
      selector: maybe(
        map({
          meshService: labelSelector('MeshServices by label.'),
          meshExternalService: labelSelector('MeshExternalServices by label.'),
          meshMultiZoneService: labelSelector('MeshMultiZoneServices by label.'),
        }),
        'Which destinations.',
      ),
      template: maybe(
        filled,
        'The name, with {{ .DisplayName }}, {{ .Name }}, {{ .Namespace }}, {{ .Zone }}, {{ .Mesh }} and {{ label "key" }}.',
      ),
      extension: unsupported(anything, ofControlPlane),
    }),
    'The generator itself.',
  ),
})

/** Kuma `MeshOpenTelemetryBackend`: a collector. */
export const meshOpenTelemetryBackend = resource('A collector of OpenTelemetry.', {
  spec: must(
    map({
      endpoint: maybe(
        map({
          address: maybe(
            filled,
            'Address or host name; by default what the variable HOST_IP says, else 127.0.0.1.',
          ),
          port: maybe(port, 'Port.', 4_317),
          path: maybe(text, 'Beginning of the path, for HTTP.'),
        }),
        'Where it is.',
      ),
      protocol: maybe(word(['grpc', 'http']), 'What is spoken.', 'grpc'),
      env: maybe(
        map({
          mode: maybe(
            word(['Disabled', 'Optional', 'Required']),
            'Disabled: they are not looked at. Required: without an endpoint in them nothing is sent.',
            'Optional',
          ),
          precedence: maybe(
            word(['EnvFirst', 'ExplicitFirst']),
            'Whose word counts where both say something.',
            'EnvFirst',
          ),
          allowSignalOverrides: maybe(
            flag,
            'Those of one signal, as OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, come before those of all.',
            true,
          ),
        }),
        'What OTEL_EXPORTER_OTLP_ENDPOINT, _PROTOCOL and _INSECURE of the environment may say.',
      ),
    }),
    'The collector itself.',
  ),
})
export type MeshOpenTelemetryBackendBody = v.InferOutput<typeof meshOpenTelemetryBackend>
