import { createServer } from 'node:net'

/** Where everything of the demo listens, on 127.0.0.1. `config/demo` says the same of those in the mesh. */
export const demoPorts = {
  gateway: 10_000,
  control: 10_009,
  /** Outbounds of the gateway's sidecar: to the frontend and (refused there) to the backend. */
  gatewayToFrontend: 10_001,
  gatewayToBackend: 10_003,
  /** Outbound of the frontend's sidecar. */
  frontendToBackend: 10_002,
  /** Inbounds of the sidecars, and the applications behind them. */
  frontendInbound: 20_080,
  backendV1aInbound: 20_091,
  backendV1bInbound: 20_092,
  backendV2Inbound: 20_093,
  frontend: 21_080,
  backendV1a: 21_091,
  backendV1b: 21_092,
  backendV2: 21_093,
  adminGateway: 9_901,
  adminFrontend: 9_902,
  adminV1a: 9_903,
  adminV1b: 9_904,
  adminV2: 9_905,
} as const

export type DemoPorts = Readonly<Record<keyof typeof demoPorts, number>>

/** All of them moved up, for a machine where some are taken. */
export function shiftPorts(offset: number): DemoPorts {
  const shifted = Object.entries(demoPorts).map(([name, port]) => [name, port + offset] as const)
  return Object.fromEntries(shifted) as Record<keyof typeof demoPorts, number>
}

/** The same in the text of a resource file: `port: 10001`, `servicePort: 21080`. */
export const shiftPortsIn = (yaml: string, offset: number): string =>
  yaml.replace(
    /\b(port|servicePort): (\d+)/g,
    (_all, key, port) => `${key}: ${Number(port) + offset}`,
  )

/**
 * Those that somebody else has. Asked before anything starts, so that all of them are named at once, and nobody takes a
 * stranger's answer on one of them for our own.
 */
export async function takenPorts(ports: DemoPorts): Promise<readonly number[]> {
  const looked = await Promise.all(
    Object.values(ports).map(async (port) => ((await isFree(port)) ? [] : [port])),
  )
  return looked.flat().sort((a, b) => a - b)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
