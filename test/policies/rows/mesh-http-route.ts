import type { LabPlace } from '../../support/lab-mesh.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { filters, service } from './http-route-filters.ts'
import { matches, places } from './http-route-matches.ts'

/** A reference: where four requests arrive. */
const backend = (
  field: string,
  shows: string,
  refs: string,
  without: string,
  expect: readonly string[],
  otherwise: readonly string[],
  beside = '',
): PolicyRow => ({
  field: `default.backendRefs[].${field}`,
  shows,
  set: `{matches: [{}], default: {backendRefs: [${refs}]}}`,
  unset: `{matches: [{}], default: {backendRefs: [${without}]}}`,
  beside,
  drive: (lab) => places(lab, ['/'], ['/'], ['/'], ['/']),
  expect,
  otherwise,
})

const all = (place: LabPlace | '500'): readonly string[] => [place, place, place, place]

const backends: readonly PolicyRow[] = [
  backend(
    'name',
    'is where requests go; one that is not known is answered 500',
    '{kind: MeshService, name: other}',
    '{kind: MeshService, name: nobody}',
    all('other'),
    all('500'),
  ),
  backend(
    'kind',
    'MeshExternalService leads out of the mesh',
    '{kind: MeshExternalService, name: outside}',
    '{kind: MeshService, name: other}',
    all('outside'),
    all('other'),
  ),
  backend(
    'tags',
    'are those of the inbounds meant (2.x)',
    '{kind: MeshServiceSubset, name: pool, tags: {version: v2}}',
    '{kind: MeshServiceSubset, name: pool, tags: {version: v1}}',
    all('pool2'),
    all('pool1'),
  ),
  backend(
    'labels',
    'find the resource in place of a name',
    '{kind: MeshService, labels: {team: shop}, port: 80}',
    '{kind: MeshService, labels: {team: none}, port: 80}',
    all('pool1'),
    all('500'),
    service,
  ),
  backend(
    'port',
    'is a port of the service',
    '{kind: MeshService, name: shop, port: 80}',
    '{kind: MeshService, name: shop, port: 81}',
    all('pool1'),
    ['503', '503', '503', '503'],
    service,
  ),
  backend(
    'sectionName',
    'is a port of the service by name',
    '{kind: MeshService, name: shop, sectionName: main}',
    '{kind: MeshService, name: shop, sectionName: none}',
    all('pool1'),
    ['503', '503', '503', '503'],
    service,
  ),
  {
    field: 'default.backendRefs[].weight',
    shows: 'is its share of the requests; one of 0 gets none',
    set: '{matches: [{}], default: {backendRefs: [{kind: MeshService, name: other, weight: 0}, {kind: MeshService, name: backend}]}}',
    unset: '{matches: [{}], default: {backendRefs: [{kind: MeshService, name: other}]}}',
    drive: (lab) => places(lab, ['/'], ['/'], ['/'], ['/']),
    expect: all('backend'),
    otherwise: all('other'),
  },
]

export const meshHttpRoute: PolicyTable = {
  kind: 'MeshHTTPRoute',
  section: 'routes',
  rows: [...matches, ...filters, ...backends],
}
