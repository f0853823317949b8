import { explain } from '../../../config/explain/explain.ts'
import type { Lab, LabListener } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'

/** Where `explain` says that a request for a name goes, and what comes of asking there; null for nowhere. */
export const asked = (url: string) => async (lab: Lab) => {
  const { compilation } = lab.configuration
  const found = explain(compilation, { method: 'GET', url: new URL(url), headers: [] }).listener
  const to = destinations.find(([, name]) => name === found?.name)?.[0]
  return to === undefined ? null : (await lab.settled(lab.ask('/', { to }))).status
}

const destinations: readonly (readonly [LabListener, name: string])[] = [
  ['outside', 'outbound:127.0.0.1:10003'],
  ['shop', 'outbound:127.0.0.1:10005'],
  ['shops', 'outbound:127.0.0.1:10006'],
]

/** Services of all three kinds; the external one is that of every lab. */
const services = `type: MeshService
name: shop
labels: {team: a}
spec: {selector: {dataplaneTags: {kuma.io/service: pool}}, ports: [{port: 80, targetPort: 8080, appProtocol: http}]}
---
type: MeshMultiZoneService
name: shops
labels: {team: a}
spec: {selector: {meshService: {matchLabels: {team: a}}}, ports: [{port: 80, appProtocol: http}]}`

const row = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  url: string,
  also: readonly string[] = [],
): PolicyRow => ({
  field,
  also,
  shows,
  set: `{${set}}`,
  unset: `{${unset}}`,
  drive: asked(url),
  expect: 200,
  otherwise: null,
})

const name = "template: '{{ .Mesh }}-{{ .DisplayName }}.internal'"
const selector = (kind: string, labels: string): string =>
  `${name}, selector: {${kind}: {matchLabels: {${labels}}}}`

export const hostnameGenerator: PolicyTable = {
  kind: 'HostnameGenerator',
  section: 'spec',
  beside: services,
  rows: [
    row(
      'template',
      'is a name that explain finds the destination by',
      `${name}, selector: {meshService: {}}`,
      "template: '{{ .DisplayName }}.internal', selector: {meshService: {}}",
      'http://default-shop.internal/',
    ),
    row(
      'selector.meshService.matchLabels',
      'are those of the MeshServices that have the name',
      selector('meshService', 'team: a'),
      selector('meshService', 'team: b'),
      'http://default-shop.internal/',
    ),
    row(
      'selector.meshMultiZoneService.matchLabels',
      'are those of the MeshMultiZoneServices that have the name',
      selector('meshMultiZoneService', 'team: a'),
      selector('meshMultiZoneService', 'team: b'),
      'http://default-shops.internal/',
    ),
    row(
      'selector.meshExternalService.matchLabels',
      'are those of the MeshExternalServices that have the name',
      selector('meshExternalService', ''),
      selector('meshExternalService', 'team: b'),
      'http://default-outside.internal/',
    ),
  ],
}
