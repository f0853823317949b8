/** The kinds of resource we ask for, in the order in which they are asked for: what is referred to comes before what refers to it. */
export const resourceKinds = [
  'clusters',
  'endpoints',
  'listeners',
  'routeTables',
  'secrets',
] as const

export type ResourceKind = (typeof resourceKinds)[number]

export interface ResourceType {
  /** Full name of the message. */
  readonly message: string
  readonly url: string
  /** All there are are asked for; else those that others refer to, by name. */
  readonly wildcard: boolean
  /** The field with the name of the resource. */
  readonly nameField: 'name' | 'cluster_name'
  /** As a person says it. */
  readonly title: string
}

const type = (
  message: string,
  title: string,
  { wildcard = false, nameField = 'name' as ResourceType['nameField'] } = {},
): ResourceType => ({
  message,
  url: `type.googleapis.com/${message}`,
  wildcard,
  nameField,
  title,
})

/** Envoy: CDS, EDS, LDS, RDS, SDS. */
export const resourceTypes: Readonly<Record<ResourceKind, ResourceType>> = {
  clusters: type('envoy.config.cluster.v3.Cluster', 'Cluster', { wildcard: true }),
  endpoints: type('envoy.config.endpoint.v3.ClusterLoadAssignment', 'ClusterLoadAssignment', {
    nameField: 'cluster_name',
  }),
  listeners: type('envoy.config.listener.v3.Listener', 'Listener', { wildcard: true }),
  routeTables: type('envoy.config.route.v3.RouteConfiguration', 'RouteConfiguration'),
  secrets: type('envoy.extensions.transport_sockets.tls.v3.Secret', 'Secret'),
}

/** The kind of a type URL; null when it is none of ours. */
export const kindOf = (url: string): ResourceKind | null =>
  resourceKinds.find((kind) => resourceTypes[kind].url === url) ?? null
