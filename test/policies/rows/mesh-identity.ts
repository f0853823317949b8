import { connect } from 'node:tls'
import { type Lab, labListeners } from '../../support/lab.ts'
import { labCa, labIdentity } from '../../support/lab-mesh.ts'
import { testLeaf } from '../../support/pki.ts'
import type { PolicyTable } from '../../support/policy-table.ts'

const everyone = 'selector: {dataplane: {matchLabels: {}}}'

export const allowAll = `type: MeshTrafficPermission
name: everyone
spec: {rules: [{default: {allow: [{spiffeID: {type: Prefix, value: 'spiffe://'}}]}}]}`

/** The status of a caller without TLS, and of one with this SPIFFE ID. */
async function statuses(lab: Lab, id: string): Promise<unknown> {
  const plain = (await lab.settled(lab.ask())).status
  const secured = (await lab.settled(lab.ask('/', { show: testLeaf(labCa, id) }))).status
  return { plain, secured }
}

/** Who the sidecar shows it is. */
async function shown(lab: Lab): Promise<unknown> {
  const { certificate, key } = labIdentity('frontend')
  const socket = connect({
    port: lab.sidecar.port(labListeners.inbound),
    host: '127.0.0.1',
    cert: certificate,
    key,
    ca: labCa.certificate,
    checkServerIdentity: () => undefined,
  })
  socket.on('error', () => {})
  const name = await lab.settled(
    new Promise((resolve) =>
      socket.on('secureConnect', () => resolve(socket.getPeerCertificate().subjectaltname)),
    ),
  )
  socket.destroy()
  return name
}

export const meshIdentity: PolicyTable = {
  kind: 'MeshIdentity',
  section: 'spec',
  beside: allowAll,
  rows: [
    {
      field: 'selector.dataplane.matchLabels',
      shows: 'are those of the Dataplanes that have an identity, and with it mutual TLS',
      listener: 'inbound',
      set: '{selector: {dataplane: {matchLabels: {rack: r1}}}, spiffeID: {trustDomain: mesh.test, path: "/{{ .Name }}"}}',
      unset:
        '{selector: {dataplane: {matchLabels: {rack: r2}}}, spiffeID: {trustDomain: mesh.test, path: "/{{ .Name }}"}}',
      drive: (lab) => statuses(lab, 'spiffe://mesh.test/web-1'),
      expect: { plain: 0, secured: 200 },
      otherwise: { plain: 200, secured: 0 },
    },
    {
      field: 'spiffeID.trustDomain',
      shows: 'is the domain of those who may connect',
      listener: 'inbound',
      set: `{${everyone}, spiffeID: {trustDomain: mesh.test, path: "/{{ .Name }}"}}`,
      unset: `{${everyone}, spiffeID: {path: "/{{ .Name }}"}}`,
      drive: async (lab) => ({
        ours: await statuses(lab, 'spiffe://mesh.test/somebody'),
        usual: await statuses(lab, 'spiffe://default.east.mesh.local/somebody'),
      }),
      expect: { ours: { plain: 0, secured: 200 }, usual: { plain: 0, secured: 0 } },
      otherwise: { ours: { plain: 0, secured: 0 }, usual: { plain: 0, secured: 200 } },
    },
    {
      field: 'spiffeID.path',
      shows: 'is the form of our own name',
      listener: 'inbound',
      set: `{${everyone}, spiffeID: {trustDomain: mesh.test, path: '/rack/{{ label "rack" }}'}}`,
      unset: `{${everyone}, spiffeID: {trustDomain: mesh.test, path: "/{{ .Name }}"}}`,
      drive: shown,
      expect: 'URI:spiffe://mesh.test/rack/r1',
      otherwise: 'URI:spiffe://mesh.test/web-1',
    },
  ],
}
