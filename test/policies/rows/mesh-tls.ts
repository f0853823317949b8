import { type ConnectionOptions, connect } from 'node:tls'
import { type Lab, labListeners } from '../../support/lab.ts'
import { labCa, labIdentity } from '../../support/lab-mesh.ts'
import type { PolicyTable } from '../../support/policy-table.ts'

/** What a caller and the inbound agree on, or null when they do not. */
async function agreed(lab: Lab, options: ConnectionOptions): Promise<unknown> {
  const { certificate, key } = labIdentity('frontend')
  const socket = connect({
    port: lab.sidecar.port(labListeners.inbound),
    host: '127.0.0.1',
    cert: certificate,
    key,
    ca: labCa.certificate,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['kuma'],
    ...options,
  })
  const result = new Promise((resolve) => {
    socket.on('secureConnect', () => resolve([socket.getProtocol(), socket.getCipher().name]))
    socket.on('error', () => resolve(null))
    socket.on('close', () => resolve(null))
  })
  const seen = await lab.settled(result)
  socket.destroy()
  return seen
}

/** Whether a caller without TLS, one with a certificate of the mesh and one with TLS of its own get anywhere. */
async function callers(lab: Lab): Promise<unknown> {
  const plain = (await lab.settled(lab.ask())).status
  const mesh = (await lab.settled(lab.ask('/', { as: 'frontend' }))).status
  return { plain, mesh }
}

const allowAll = `type: MeshTrafficPermission
name: everyone
spec: {rules: [{default: {allow: [{spiffeID: {type: Prefix, value: 'spiffe://'}}]}}]}`

const tls12: ConnectionOptions = { maxVersion: 'TLSv1.2' }
const aes128 = 'ECDHE-ECDSA-AES128-GCM-SHA256'
const aes256 = 'ECDHE-ECDSA-AES256-GCM-SHA384'

export const meshTls: PolicyTable = {
  kind: 'MeshTLS',
  section: 'rules',
  mtls: true,
  beside: allowAll,
  rows: [
    {
      field: 'mode',
      shows: 'Strict takes mutual TLS only, where the mesh is permissive',
      set: '{mode: Strict}',
      unset: '{}',
      drive: callers,
      expect: { plain: 0, mesh: 200 },
      otherwise: { plain: 200, mesh: 200 },
    },
    {
      field: 'tlsVersion.min',
      shows: 'TLS13 refuses callers of TLS 1.2',
      set: '{tlsVersion: {min: TLS13}}',
      unset: '{}',
      drive: (lab) => agreed(lab, tls12),
      expect: null,
      otherwise: ['TLSv1.2', aes128],
    },
    {
      field: 'tlsVersion.max',
      shows: 'TLS12 keeps to TLS 1.2',
      set: '{tlsVersion: {max: TLS12}}',
      unset: '{}',
      drive: async (lab) => Reflect.get(Object(await agreed(lab, {})), 0),
      expect: 'TLSv1.2',
      otherwise: 'TLSv1.3',
    },
    {
      field: 'tlsCiphers',
      shows: 'are all that TLS 1.2 may use',
      set: `{tlsCiphers: [${aes256}]}`,
      unset: '{}',
      drive: (lab) => agreed(lab, tls12),
      expect: ['TLSv1.2', aes256],
      otherwise: ['TLSv1.2', aes128],
    },
  ],
}
