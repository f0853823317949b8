import { connect } from 'node:tls'
import type { Ask, Lab } from '../../support/lab.ts'
import { labCa } from '../../support/lab-mesh.ts'
import { testLeaf } from '../../support/pki.ts'

/** Statuses of requests, one after the other; 0: the connection is closed. */
export const statuses =
  (...asks: readonly Ask[]) =>
  async (lab: Lab): Promise<readonly number[]> => {
    const seen: number[] = []
    for (const ask of asks) seen.push((await lab.settled(lab.ask('/', ask))).status)
    return seen
  }

/** A request for a host. */
export const host = (name: string): Ask => ({ headers: { host: name } })

/** Which of these names a handshake may ask for: who is answered by the service outside. */
export const handshakes =
  (at: string, ...names: readonly string[]) =>
  async (lab: Lab): Promise<readonly boolean[]> => {
    const { certificate, key } = testLeaf(labCa, null)
    lab.services.outside.secure = { cert: certificate, key }
    const seen: boolean[] = []
    for (const name of names) seen.push(await lab.settled(shakesHands(lab, at, name)))
    return seen
  }

async function shakesHands(lab: Lab, at: string, servername: string): Promise<boolean> {
  const socket = await lab.dial('passing', undefined, at)
  return new Promise((resolve) => {
    const tls = connect({ socket, servername, rejectUnauthorized: false }, () => resolve(true))
    tls.on('error', () => resolve(false))
    tls.on('close', () => resolve(false))
  })
}

/** What a caller gets that is silent until it is greeted; null: the connection is closed first. */
export async function greeting(lab: Lab): Promise<string | null> {
  lab.services.outside.serve = (socket) => void socket.write('hello')
  const socket = await lab.dial('passing')
  let got: string | null = null
  let over = false
  socket.on('data', (chunk) => {
    got = String(chunk)
    over = true
  })
  socket.on('end', () => {
    over = true
  })
  while (!over) {
    await new Promise(setImmediate)
    lab.clock.tick(1)
  }
  return got
}
