/** Where everything of the demo listens, on 127.0.0.1; the same numbers stand in `config/demo`. */
export const demoPorts = {
  gateway: 10_000,
  control: 10_009,
  /** The gateway's sidecar: into the mesh, to the frontend and (refused there) to the backend. */
  toFrontend: 10_001,
  toBackendFromGateway: 10_003,
  /** The frontend's sidecar: to the backend. */
  toBackend: 10_002,
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
