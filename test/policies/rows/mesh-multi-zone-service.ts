import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { places } from './mesh-service.ts'

const services = `type: MeshService
name: east-shop
labels: {app: shop, kuma.io/zone: east}
spec: {selector: {dataplaneTags: {kuma.io/service: pool, version: v1}}, ports: [{port: 80, name: main, targetPort: 8080, appProtocol: http}]}
---
type: MeshService
name: west-shop
labels: {app: shop, kuma.io/zone: west}
spec: {selector: {dataplaneTags: {kuma.io/service: pool, version: v3}}, ports: [{port: 80, name: main, targetPort: 8080, appProtocol: http}]}`

const all = 'selector: {meshService: {matchLabels: {app: shop}}}'
const ports = 'ports: [{port: 80, appProtocol: http}]'

const row = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: unknown,
  otherwise: unknown,
  more: Partial<PolicyRow> = {},
): PolicyRow => ({
  field,
  shows,
  listener: 'shops',
  beside: services,
  set: `{${set}}`,
  unset: `{${unset}}`,
  drive: (lab) => places(lab, 'outbound:127.0.0.1:10006'),
  expect,
  otherwise,
  ...more,
})

const toMain = `type: MeshHTTPRoute
name: to-main
spec:
  to:
    - targetRef: {kind: MeshService, name: backend}
      rules: [{matches: [{}], default: {backendRefs: [{kind: MeshMultiZoneService, name: shops, sectionName: main}]}}]`

export const meshMultiZoneService: PolicyTable = {
  kind: 'MeshMultiZoneService',
  section: 'spec',
  name: 'shops',
  rows: [
    row(
      'selector.meshService.matchLabels',
      'are those of the services, all of whose endpoints it has',
      `${all}, ${ports}`,
      `selector: {meshService: {matchLabels: {app: shop, kuma.io/zone: east}}}, ${ports}`,
      ['pool1', 'pool3'],
      ['pool1'],
    ),
    row(
      'ports[].port',
      'is the port that callers name',
      `${all}, ${ports}`,
      `${all}, ports: [{port: 81, appProtocol: http}]`,
      ['pool1', 'pool3'],
      null,
    ),
    row(
      'ports[].name',
      'is what a sectionName means',
      `${all}, ports: [{port: 80, name: main, appProtocol: http}]`,
      `${all}, ports: [{port: 80, name: other, appProtocol: http}]`,
      ['pool1', 'pool3'],
      [500],
      { listener: 'backend', beside: `${services}\n---\n${toMain}` },
    ),
    row(
      'ports[].appProtocol',
      'http is understood, where bytes are passed on as they are',
      `${all}, ${ports}`,
      `${all}, ports: [{port: 80}]`,
      true,
      false,
      {
        drive: async (lab) => {
          await lab.settled(lab.ask())
          const { pool1, pool3 } = lab.services
          const [arrival] = [...pool1.arrivals, ...pool3.arrivals]
          return arrival?.headers['x-request-id'] !== undefined
        },
      },
    ),
  ],
}
