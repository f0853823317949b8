import type { Raw } from '../../../proxy/problems.ts'
import { readServedName, type SecretServer, suffixOf } from '../tls/served-secret.ts'
import { type Conversation, type ConversationOptions, converse } from './conversation.ts'
import { newDeltaSession } from './delta-session.ts'
import { addressOf } from './dial.ts'
import { inventoryOfServer } from './inventories.ts'
import { secretService } from './service.ts'
import { type AcceptedVersions, newSotwSession } from './sotw-session.ts'
import type { Store } from './store.ts'
import type { ControlPlaneAddress } from './stream.ts'

export interface SecretServersOptions
  extends Pick<ConversationOptions, 'openStream' | 'receive' | 'taken' | 'clock' | 'log'> {
  readonly store: Store
  /** `envoy.config.core.v3.Node`: who we say we are. */
  readonly node: () => Raw
  /** What `troubles` says is something else now. */
  readonly changed: () => void
}

/** The servers of secrets that are not the control plane's: one stream each. */
export interface SecretServers {
  /** Speaks to those that are needed, about what is needed now, and to no others. */
  follow(): void
  reading(): boolean
  /** Which do not answer, and why they ceased to; the log has what each try brought. */
  troubles(): readonly string[]
  close(): void
}

interface Spoken {
  readonly conversation: Conversation
  /** Where the cluster is that was dialled. */
  readonly target: string | null
  readonly trouble: string | null
}

export function newSecretServers(options: SecretServersOptions): SecretServers {
  const spoken = new Map<string, Spoken>()
  const end = (key: string): void => {
    spoken.get(key)?.conversation.close()
    spoken.delete(key)
  }
  return {
    follow() {
      const needed = serversOf(options.store)
      for (const key of spoken.keys()) if (!needed.has(key)) end(key)
      for (const [key, server] of needed) {
        // It is waited for: a control plane gives it before those that need it, or soon after.
        if (!options.store.held.clusters.has(server.cluster)) continue
        const target = targetOf(options.store, server)
        if (spoken.has(key) && spoken.get(key)?.target !== target) end(key)
        const there = spoken.get(key)
        if (there === undefined) begin(options, spoken, key, server, target)
        else there.conversation.ask()
      }
    },
    reading: () => [...spoken.values()].some(({ conversation }) => conversation.reading()),
    troubles: () => [...spoken.values()].flatMap(({ trouble }) => trouble ?? []),
    close() {
      for (const key of [...spoken.keys()]) end(key)
    },
  }
}

function serversOf({ wanted }: Store): ReadonlyMap<string, SecretServer> {
  const servers = new Map<string, SecretServer>()
  for (const name of wanted('secrets')) {
    const served = readServedName(name)
    if (served !== null) servers.set(suffixOf(served.server), served.server)
  }
  return servers
}

function begin(
  options: SecretServersOptions,
  spoken: Map<string, Spoken>,
  key: string,
  server: SecretServer,
  target: string | null,
): void {
  const { store, node, changed } = options
  const inventory = inventoryOfServer(store, server)
  const accepted: AcceptedVersions = new Map()
  const tell = (trouble: string | null): void => {
    const there = spoken.get(key)
    if (there === undefined || (there.trouble === null) === (trouble === null)) return
    spoken.set(key, { ...there, trouble })
    changed()
  }
  const conversation = converse({
    ...options,
    peer: `server of secrets ${server.cluster}`,
    async dial() {
      const from = nodeForSecrets(node())
      return {
        address: reach(store, server),
        session: server.delta
          ? newDeltaSession(from, inventory, secretService)
          : newSotwSession(from, inventory, accepted, secretService),
      }
    },
    answers: () => tell(null),
    lost: (reason) => tell(`The server of secrets ${server.cluster} does not answer: ${reason}`),
  })
  spoken.set(key, { conversation, target, trouble: null })
}

/** Throws with a reason when it cannot be spoken to. */
function reach({ held }: Store, { cluster: name }: SecretServer): ControlPlaneAddress {
  const value = held.clusters.get(name)?.value
  if (value === undefined) throw new Error(`there is no cluster ${name}`)
  const { cluster, secrets, edsName } = value
  const endpoints = value.endpoints ?? held.endpoints.get(edsName ?? name)?.value ?? null
  const known = new Map([...held.secrets].map(([key, { value }]) => [key, value]))
  const address = addressOf({ cluster, endpoints, secrets }, known)
  const near = isOnThisMachine(address.target)
  if (address.tls === null && !near) {
    throw new Error(
      `the cluster ${name} has no TLS: keys come over TLS, a Unix socket or loopback alone`,
    )
  }
  return { ...address, pings: !near, metadata: [] }
}

/** As `target` of an address; null while there is none. */
function targetOf(store: Store, server: SecretServer): string | null {
  try {
    return reach(store, server).target
  } catch {
    return null
  }
}

const isOnThisMachine = (target: string): boolean =>
  target.startsWith('unix:') || /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost):/.test(target)

/**
 * SPIRE gives roots by trust domain, and those of all of them (`ALL`), to Envoy from 1.18 on, whose SPIFFE validator
 * takes them; it reads that from the build version. Ours would say nothing, so we name the Envoy we are compared with.
 */
const buildVersion = {
  version: { major_number: 1, minor_number: 40, patch: 0 },
}

function nodeForSecrets({ user_agent_version: _, ...node }: Raw): Raw {
  return { user_agent_build_version: buildVersion, ...node }
}
