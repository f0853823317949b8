import * as v from 'valibot'
import { list, map, maybe, must, someOf, told, typed, word } from './shapes.ts'
import {
  anything,
  filled,
  headerName,
  headerValue,
  hostPort,
  ipAddress,
  resourceName,
  spiffeId,
  stringMap,
  text,
} from './values.ts'

const fromControlPlane = 'Written by a control plane; not looked at.'

/** What every universal resource begins with. */
const envelope = {
  type: must(filled, 'Kind of the resource.'),
  mesh: maybe(resourceName, 'Mesh it belongs to.', 'default'),
  name: must(resourceName, 'Name, unique among the resources of its type in a mesh.'),
  labels: maybe(stringMap, 'Key-value pairs that others select by.'),
  creationTime: maybe(text, fromControlPlane),
  modificationTime: maybe(text, fromControlPlane),
  kri: maybe(text, fromControlPlane),
}

const status = { status: maybe(anything, fromControlPlane) }

/** A resource: what it is for, in a sentence, and what it has beside the envelope. */
export const resource = <const E extends v.ObjectEntries>(about: string, entries: E) =>
  v.pipe(map({ ...envelope, ...status, ...entries }), v.metadata(told(about)))

const vips = {
  status: maybe(
    v.looseObject(
      {
        vips: maybe(list(v.looseObject({ ip: must(ipAddress, 'Address.') })), 'Virtual addresses.'),
      },
      'must be a map',
    ),
    'Written by a control plane, or by hand: `vips` are the addresses it is called by where traffic is intercepted.',
  ),
}

/** The same of something that is called; its status says by which addresses. */
export const calledResource = <const E extends v.ObjectEntries>(about: string, entries: E) =>
  v.pipe(map({ ...envelope, ...vips, ...entries }), v.metadata(told(about)))

/** A key or certificate given in one of Kuma's ways: `SecureDataSource` (3.0), and the older `DataSource`. */
const anySource = map({
  type: maybe(
    word(['File', 'Secret', 'EnvVar', 'InsecureInline']),
    'Which of the other fields is given.',
  ),
  inline: maybe(
    v.union([text, map({ value: must(text, 'Base64.') })], 'must be base64 text'),
    'PEM in base64.',
  ),
  inlineString: maybe(text, 'PEM as text.'),
  insecureInline: maybe(map({ value: must(text, 'PEM.') }), 'PEM as text.'),
  file: maybe(
    v.union([text, map({ path: must(text, 'Path.') })], 'must be a path'),
    'Path of a PEM file, read whenever the resources are.',
  ),
  secret: maybe(filled, 'Name of a Secret (2.x).'),
  secretRef: maybe(
    map({
      kind: must(word(['Secret']), 'Kind of the resource.'),
      name: must(filled, 'Name of it.'),
    }),
    'A Secret.',
  ),
  envVar: maybe(
    map({ name: must(filled, 'Name of the variable.') }),
    'A variable of the environment that Outrider is started in.',
  ),
})
export const dataSource = typed(anySource)

const header = map({
  name: must(headerName, 'Name of the header.'),
  value: must(headerValue, 'Its value.'),
})
const additions = {
  set: maybe(list(header), 'Headers that replace what is there.'),
  add: maybe(list(header), 'Headers beside what is there.'),
}

/** Headers of a message of our own, as MeshRateLimit and MeshHealthCheck write them. */
export const headerAdditions = someOf(['set', 'add'], map(additions))

/** Changes to headers that pass by, as MeshHTTPRoute writes them. */
export const headerChanges = someOf(
  ['set', 'add', 'remove'],
  map({
    ...additions,
    remove: maybe(list(headerName), 'Names of headers to take away.'),
  }),
)

/** Who the peer is: MeshTimeout, MeshRateLimit, MeshFaultInjection and MeshTrafficPermission `rules`. */
export const peerMatch = map({
  spiffeID: maybe(
    map({
      type: must(word(['Exact', 'Prefix']), 'How the value is compared.'),
      value: must(spiffeId, 'SPIFFE ID, or the beginning of one.'),
    }),
    'SPIFFE ID of the peer.',
  ),
  sni: maybe(
    map({
      type: must(word(['Exact']), 'How the value is compared.'),
      value: must(filled, 'Server name.'),
    }),
    'Server name that the peer asked for in its TLS handshake.',
  ),
})
export type PeerMatchBody = v.InferOutput<typeof peerMatch>

/** A collector of OpenTelemetry, inline (2.x) or by name. */
export const collectorFields = {
  endpoint: maybe(hostPort, '`host:port` of the collector (2.x).'),
  backendRef: maybe(
    map({
      kind: must(word(['MeshOpenTelemetryBackend']), 'Kind of the resource.'),
      name: must(filled, 'Name of the resource.'),
    }),
    'Resource that describes the collector.',
  ),
}
