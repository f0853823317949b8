import { connect } from 'node:net'
import type { Seen } from '../report.ts'
import type { Check } from './checks.ts'
import type { Generation } from './generation.ts'
import { addressOf, type Ports } from './ports.ts'

/** The first line that comes back for one that is sent; null when the connection ends without. */
function exchangeLine(port: number, host: string, line: string): Promise<string | null> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, host, () => socket.write(`${line}\r\n\r\n`))
    socket.setEncoding('utf8').setTimeout(5_000, () => socket.destroy())
    socket.on('data', (chunk) => {
      text += chunk
      if (!text.includes('\n')) return
      resolve(text.slice(0, text.indexOf('\n')).trim())
      socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(null))
  })
}

const shown = (line: string | null): string => line ?? 'closed'

/** `db` gives a line back to `web`. */
export async function lookAtBytes(ports: Ports): Promise<Seen> {
  const line = await exchangeLine(ports.toDb, '127.0.0.1', 'ping')
  return { ok: line === 'db ping', what: shown(line) }
}

/** It does not to a caller outside of the mesh. */
export async function lookAtBytesFromOutside(ports: Ports): Promise<Seen> {
  const line = await exchangeLine(ports.of.db.inbound, addressOf('db'), 'ping')
  return { ok: line === null, what: `in plain text: ${shown(line)}` }
}

/** Policies for connections, as `policyChecks`. */
export const tcpChecks = (kuma: Generation, ports: Ports): readonly Check[] => [
  {
    name: 'MeshTrafficPermission',
    resources: [kuma.permission(['shop-v2'])],
    look: async () => {
      const line = await exchangeLine(ports.toDb, '127.0.0.1', 'ping')
      return { ok: line === null, what: shown(line) }
    },
  },
  {
    name: 'MeshTCPRoute',
    resources: [kuma.reroute(ports)],
    look: async () => {
      const line = await exchangeLine(ports.toDb, '127.0.0.1', 'GET / HTTP/1.1\r\nhost: shop')
      return { ok: line === 'HTTP/1.1 200 OK', what: shown(line) }
    },
  },
  {
    name: 'MeshRateLimit',
    resources: [
      kuma.inbound('MeshRateLimit', 'db', {
        local: { tcp: { connectionRate: { num: 2, interval: '1s' } } },
      }),
    ],
    look: async () => {
      let served = 0
      for (let times = 0; times < 10; times += 1) {
        if ((await exchangeLine(ports.toDb, '127.0.0.1', 'ping')) !== null) served += 1
      }
      return { ok: served > 0 && served <= 4, what: `${served} of 10 connections served` }
    },
  },
]

/** Often enough that no limit is left. */
export async function lookAtAllBytes(ports: Ports): Promise<Seen> {
  let seen = await lookAtBytes(ports)
  for (let times = 1; times < 12 && seen.ok; times += 1) seen = await lookAtBytes(ports)
  return seen
}
