import { getCACertificates } from 'node:tls'

/** PEM: Node's own list, with what this machine's administrators have added. */
export const systemRoots = (): string[] => [
  ...new Set([...getCACertificates('default'), ...getCACertificates('system')]),
]
