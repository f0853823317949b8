import type { Lab } from '../../support/lab.ts'
import { labCa, labIdentity } from '../../support/lab-mesh.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'

/** Where six requests arrive; their status when nowhere, null when there is nobody to ask. */
export async function places(lab: Lab, listener: string): Promise<unknown> {
  const { listeners } = lab.sidecar.proxy.inspect()
  if (!listeners.some(({ name }) => name === listener)) return null
  const statuses = new Set<number>()
  for (let i = 0; i < 6; i += 1) statuses.add((await lab.settled(lab.ask())).status)
  const found = Object.entries(lab.services).flatMap(([place, { arrivals }]) =>
    arrivals.length > 0 ? [place] : [],
  )
  return found.length > 0 ? found : [...statuses]
}

const shop = 'outbound:127.0.0.1:10005'
const first = 'selector: {dataplaneTags: {kuma.io/service: pool, version: v1}}'
const ports = 'ports: [{port: 80, targetPort: 8080, appProtocol: http}]'

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
  listener: 'shop',
  set: `{${set}}`,
  unset: `{${unset}}`,
  drive: (lab) => places(lab, shop),
  expect,
  otherwise,
  ...more,
})

/** What one of `pool` that speaks mutual TLS answers. */
async function secured(lab: Lab): Promise<number> {
  const { certificate, key } = labIdentity('shopkeeper')
  lab.services.pool1.secure = {
    cert: certificate,
    key,
    ca: labCa.certificate,
    requestCert: true,
    ALPNProtocols: ['kuma', 'h2'],
  }
  return (await lab.settled(lab.ask())).status
}

const http2 = 'ports: [{port: 80, targetPort: 8080, appProtocol: http2}]'
const mutual = { drive: secured, mtls: true, protocol: 'http2' } as const

const toMain = `type: MeshHTTPRoute
name: to-main
spec:
  to:
    - targetRef: {kind: MeshService, name: backend}
      rules: [{matches: [{}], default: {backendRefs: [{kind: MeshService, name: shop, sectionName: main}]}}]`

export const meshService: PolicyTable = {
  kind: 'MeshService',
  section: 'spec',
  name: 'shop',
  rows: [
    row(
      'selector.dataplaneRef.name',
      'is the Dataplane that serves',
      `selector: {dataplaneRef: {name: pool-2}}, ${ports}`,
      `selector: {dataplaneRef: {name: nobody}}, ${ports}`,
      ['pool2'],
      [503],
    ),
    row(
      'selector.dataplaneLabels.matchLabels',
      'are those of the Dataplanes that serve',
      `selector: {dataplaneLabels: {matchLabels: {kuma.io/zone: west}}}, ${ports}`,
      `selector: {dataplaneLabels: {matchLabels: {kuma.io/zone: north}}}, ${ports}`,
      ['pool3'],
      [503],
    ),
    row(
      'selector.dataplaneTags',
      'are those of the inbounds that serve (2.x)',
      `selector: {dataplaneTags: {kuma.io/service: pool}}, ${ports}`,
      `${first}, ${ports}`,
      ['pool1', 'pool2', 'pool3'],
      ['pool1'],
    ),
    row(
      'ports[].port',
      'is the port that callers name',
      `${first}, ${ports}`,
      `${first}, ports: [{port: 81, targetPort: 8080, appProtocol: http}]`,
      ['pool1'],
      null,
    ),
    row(
      'ports[].targetPort',
      'is the port of the inbound; without it the same',
      `${first}, ${ports}`,
      `${first}, ports: [{port: 80, appProtocol: http}]`,
      ['pool1'],
      [503],
    ),
    row(
      'ports[].name',
      'is what a sectionName means',
      `${first}, ports: [{port: 80, name: main, targetPort: 8080, appProtocol: http}]`,
      `${first}, ports: [{port: 80, name: other, targetPort: 8080, appProtocol: http}]`,
      ['pool1'],
      [500],
      { listener: 'backend', beside: toMain },
    ),
    row(
      'ports[].appProtocol',
      'http is understood, where bytes are passed on as they are',
      `${first}, ${ports}`,
      `${first}, ports: [{port: 80, targetPort: 8080}]`,
      true,
      false,
      {
        drive: async (lab) => {
          await lab.settled(lab.ask())
          return lab.services.pool1.arrivals[0]?.headers['x-request-id'] !== undefined
        },
      },
    ),
    row(
      'identities[].value',
      'is who the servers must be; without it that follows from their Dataplanes',
      `${first}, ${http2}, identities: [{type: SpiffeID, value: 'spiffe://default/shopkeeper'}]`,
      `${first}, ${http2}`,
      200,
      503,
      mutual,
    ),
    row(
      'identities[].type',
      'ServiceTag is the identity of a service (2.x)',
      `${first}, ${http2}, identities: [{type: ServiceTag, value: shopkeeper}]`,
      `${first}, ${http2}, identities: [{type: ServiceTag, value: somebody}]`,
      200,
      503,
      mutual,
    ),
    row(
      'state',
      'Unavailable: none of its endpoints is used by services of several zones',
      `${first}, ${ports}, state: Unavailable`,
      `${first}, ${ports}`,
      [503],
      ['pool1'],
      {
        listener: 'shops',
        beside: `type: MeshMultiZoneService
name: shops
spec: {selector: {meshService: {matchLabels: {}}}, ports: [{port: 80, appProtocol: http}]}`,
        drive: (lab) => places(lab, 'outbound:127.0.0.1:10006'),
      },
    ),
  ],
}
