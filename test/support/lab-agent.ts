import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { IdentityMaterial } from '../../config/settings.ts'
import type { Emission, Source } from '../../config/source.ts'
import { startAgent } from '../../dp-agent/agent.ts'
import type { SpawnWorker } from '../../dp-agent/worker/messages.ts'
import { emptySnapshot } from '../../proxy/model/snapshot.ts'
import type { Lab } from './lab.ts'
import { labCa, labIdentity } from './lab-mesh.ts'
import { memoryLog } from './memory-log.ts'

/** The agent of the sidecar under test. */
export interface LabAgent {
  /** How often it has asked the sidecar for its numbers. */
  scrapes(): number
  /** A page of the metrics listener at this port of loopback; null when nobody answers. */
  page(port: number, path: string, as: 'plain' | 'anybody' | 'member'): Promise<string | null>
}

/**
 * Starts the agent beside a lab with the settings of its resources; the lab's sidecar is its only worker. What it listens
 * to is on loopback. Its time is that of the lab.
 */
export async function startLabAgent(
  lab: Lab,
  provided: { readonly certPath: string; readonly keyPath: string } | null = null,
): Promise<LabAgent> {
  const { settings } = lab.configuration
  const { prometheus } = settings.metrics
  const emission: Emission = {
    snapshot: emptySnapshot,
    problems: [],
    identity: null,
    settings: {
      ...settings,
      metrics: {
        ...settings.metrics,
        prometheus: prometheus === null ? null : { ...prometheus, address: '127.0.0.1' },
      },
    },
  }
  const source: Source = { start: (emit) => emit(emission), staleSince: () => null, stop: () => {} }
  const asked = { count: 0 }
  const agent = await startAgent({
    clock: lab.clock,
    log: memoryLog().log,
    about: {
      version: '1.0.0',
      name: 'web-1',
      mesh: 'default',
      source: 'test',
      pid: 1,
      node: process.version,
      startedAt: lab.clock.wall(),
      options: {},
    },
    source,
    identity: { start: (give) => give(material()), stop: () => {} },
    compose: () => ({ ok: true, snapshot: emptySnapshot }),
    spawn: workerOf(lab, asked),
    workers: 1,
    admin: { address: { host: '127.0.0.1', port: 0 }, hosts: [] },
    metricsCertificate: provided,
    controlPlane: null,
    dns: null,
    drainTimeMs: 0,
    drainQuietMs: 0,
  })
  lab.atEnd(async () => {
    agent.drain()
    let over = false
    void agent.ended.then(() => {
      over = true
    })
    while (!over) {
      await new Promise(setImmediate)
      lab.clock.tick(100)
    }
  })
  return { scrapes: () => asked.count, page: fetchPage }
}

function material(): IdentityMaterial {
  const { certificate, key } = labIdentity('web')
  return { chain: certificate, key, bundles: [{ domain: '', bundle: labCa.certificate }] }
}

/** The lab's sidecar in the place of a thread. */
const workerOf =
  ({ sidecar }: Lab, asked: { count: number }): SpawnWorker =>
  (_setup, events) => ({
    post(message) {
      if (message.kind === 'apply') {
        events.onMessage({ kind: 'applied', version: message.version, failures: [] })
      } else if (message.kind === 'close') setImmediate(() => events.onExit('exit code 0'))
      else if (message.kind === 'ask') {
        if (message.what === 'stats') asked.count += 1
        const active = sidecar.proxy.active()
        events.onMessage({
          kind: 'answer',
          id: message.id,
          pulse: { ...active, accepted: 0, heapUsedBytes: 1 },
          stats: structuredClone(sidecar.proxy.stats()),
          inspection: null,
        })
      }
    },
    utilization: () => 0,
    terminate: () => events.onExit('terminated'),
  })

function fetchPage(
  port: number,
  path: string,
  as: 'plain' | 'anybody' | 'member',
): Promise<string | null> {
  const { certificate, key } = labIdentity('scraper')
  const own = as === 'member' ? { cert: certificate, key } : {}
  const where = { host: '127.0.0.1', port, path, agent: false }
  const tls = { ...where, ...own, ca: labCa.certificate, checkServerIdentity: () => undefined }
  return new Promise((resolve) => {
    const sent = as === 'plain' ? plainRequest(where) : tlsRequest(tls)
    sent.on('error', () => resolve(null))
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(response.statusCode === 200 ? text : null))
    })
    sent.end()
  })
}
