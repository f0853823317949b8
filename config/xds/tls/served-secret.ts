/** A secret of a server of its own, and not of the control plane. */
export interface ServedSecret {
  /** As the server knows it. */
  readonly name: string
  readonly server: SecretServer
}

/** A server of secrets (SDS). */
export interface SecretServer {
  /** Name of the cluster it is. */
  readonly cluster: string
  /** The incremental protocol, else the state of the world. */
  readonly delta: boolean
}

/** How such a secret is called here: `default{sds=sds-grpc}`, or `{delta-sds=…}`; so no other secret is. */
export const servedName = ({ name, server }: ServedSecret): string => `${name}${suffixOf(server)}`

/** What the names of all secrets of a server end with. */
export const suffixOf = ({ cluster, delta }: SecretServer): string =>
  `{${delta ? 'delta-sds' : 'sds'}=${cluster.replace(/[%{}]/g, encodeURIComponent)}}`

/** The other way round; null when the secret is the control plane's, or stands somewhere. */
export function readServedName(text: string): ServedSecret | null {
  const [, name, protocol, cluster] = /^(.*)\{(sds|delta-sds)=([^{}]*)\}$/s.exec(text) ?? []
  if (name === undefined || protocol === undefined || cluster === undefined) return null
  const plain = cluster.replace(/%(25|7B|7D)/g, decodeURIComponent)
  return { name, server: { cluster: plain, delta: protocol === 'delta-sds' } }
}
