import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below what systems give to those who ask for any port, so that nobody gets one of ours meanwhile. */
const range = [12_000, 32_000] as const

/** Ports that were free just now, on all addresses, for configurations that must name them. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(...range)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '0.0.0.0', () => void server.close(() => resolve(true)))
  })
}
