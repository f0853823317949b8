import type { Destination } from './destinations.ts'
import { includesAll, type MeshView, zoneTag } from './mesh-view.ts'
import { fillTemplate, type hostnameValues } from './template.ts'

/** Names that Kuma gives by itself on Universal; what came from another zone has the zone in it. */
const ownNames = {
  MeshService: { local: '{{ .DisplayName }}.svc.mesh.local', synced: 'svc' },
  MeshExternalService: { local: '{{ .DisplayName }}.extsvc.mesh.local', synced: 'extsvc' },
  MeshMultiZoneService: { local: '{{ .DisplayName }}.mzsvc.mesh.local', synced: 'mzsvc' },
} as const

/**
 * The host names of a destination: those of the generators that select it, in the order of the files, then the one that
 * Kuma gives by itself; none for a 2.x service. Where calls are intercepted the DNS proxy answers them; elsewhere they are
 * names to ask `explain` by, and for whoever fills a hosts file. A template whose label is missing gives none.
 */
export function hostnamesOf(view: MeshView, destination: Destination): readonly string[] {
  const { kind, name, labels, sections } = destination
  if (sections.length === 0) return []
  const values: Readonly<Record<(typeof hostnameValues)[number], string>> = {
    Name: name,
    DisplayName: labels['kuma.io/display-name'] ?? name,
    Namespace: labels['k8s.kuma.io/namespace'] ?? '',
    Zone: labels[zoneTag] ?? '',
    Mesh: view.name,
  }
  const generated = view.all('HostnameGenerator').flatMap(({ body }) => {
    const { selector, template } = body.spec
    const wanted = selector?.[selectorOf[kind]]
    if (wanted === undefined || template === undefined) return []
    if (!includesAll(labels, wanted.matchLabels ?? {})) return []
    return fillTemplate(template, values, labels) ?? []
  })
  const { local, synced } = ownNames[kind]
  const isSynced = labels['kuma.io/origin'] === 'global' && values.Zone !== ''
  const own = isSynced ? `{{ .DisplayName }}.${synced}.{{ .Zone }}.mesh.local` : local
  return [...new Set([...generated, fillTemplate(own, values, labels) ?? []].flat())]
}

const selectorOf = {
  MeshService: 'meshService',
  MeshExternalService: 'meshExternalService',
  MeshMultiZoneService: 'meshMultiZoneService',
} as const
