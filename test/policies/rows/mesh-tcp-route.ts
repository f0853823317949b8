import { once } from 'node:events'
import type { Lab } from '../../support/lab.ts'
import type { LabPlace } from '../../support/lab-mesh.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'

/** Which service two connections reach; null when they are closed. */
async function reached(lab: Lab): Promise<readonly (string | null)[]> {
  for (const [name, service] of Object.entries(lab.services)) {
    service.serve = (socket) => void socket.write(name)
  }
  const seen: (string | null)[] = []
  for (let i = 0; i < 2; i += 1) {
    const socket = await lab.dial()
    const first = Promise.race([once(socket, 'data'), once(socket, 'end'), once(socket, 'close')])
    const [chunk] = await lab.settled(first)
    seen.push(chunk instanceof Buffer ? chunk.toString() : null)
  }
  return seen
}

const service = `type: MeshService
name: shop
labels: {team: shop}
spec:
  selector: {dataplaneTags: {kuma.io/service: pool, version: v1}}
  ports: [{port: 80, name: main, targetPort: 8080}, {port: 81, name: none, targetPort: 9999}]`

const ref = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: LabPlace | null,
  otherwise: LabPlace | null,
): PolicyRow => ({
  field: `default.backendRefs[].${field}`,
  shows,
  protocol: 'tcp',
  beside: service,
  set: `{default: {backendRefs: [${set}]}}`,
  unset: `{default: {backendRefs: [${unset}]}}`,
  drive: reached,
  expect: [expect, expect],
  otherwise: [otherwise, otherwise],
})

export const meshTcpRoute: PolicyTable = {
  kind: 'MeshTCPRoute',
  section: 'routes',
  rows: [
    ref(
      'name',
      'is where connections go; one that is not known has none',
      '{kind: MeshService, name: other}',
      '{kind: MeshService, name: nobody}',
      'other',
      null,
    ),
    ref(
      'kind',
      'MeshExternalService leads out of the mesh',
      '{kind: MeshExternalService, name: outside}',
      '{kind: MeshService, name: other}',
      'outside',
      'other',
    ),
    ref(
      'tags',
      'are those of the inbounds meant (2.x)',
      '{kind: MeshServiceSubset, name: pool, tags: {version: v2}}',
      '{kind: MeshServiceSubset, name: pool, tags: {version: v1}}',
      'pool2',
      'pool1',
    ),
    ref(
      'labels',
      'find the resource in place of a name',
      '{kind: MeshService, labels: {team: shop}, port: 80}',
      '{kind: MeshService, labels: {team: none}, port: 80}',
      'pool1',
      null,
    ),
    ref(
      'port',
      'is a port of the service',
      '{kind: MeshService, name: shop, port: 80}',
      '{kind: MeshService, name: shop, port: 81}',
      'pool1',
      null,
    ),
    ref(
      'sectionName',
      'is a port of the service by name',
      '{kind: MeshService, name: shop, sectionName: main}',
      '{kind: MeshService, name: shop, sectionName: none}',
      'pool1',
      null,
    ),
    ref(
      'weight',
      'is its share of the connections; one of 0 gets none',
      '{kind: MeshService, name: other, weight: 0}, {kind: MeshService, name: backend}',
      '{kind: MeshService, name: other}',
      'backend',
      'other',
    ),
  ],
}
