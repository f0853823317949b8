import type { Clock } from '../../../proxy/clock.ts'
import type { Log } from '../../../proxy/log.ts'
import type { Raw } from '../../../proxy/problems.ts'
import type { Environment } from '../../environment.ts'
import type { Source } from '../../source.ts'
import { addressOf } from '../client/dial.ts'
import type { KeepingOptions } from '../client/keeping.ts'
import { type Dialled, xdsSource } from '../client/source.ts'
import { newStore } from '../client/store.ts'
import { openStream } from '../client/stream.ts'
import { newOutside } from '../reading/outside.ts'
import type { Outside } from '../reading/values.ts'
import { translators } from '../translators.ts'
import { type Bootstrap, readBootstrap } from './bootstrap.ts'

export interface BootstrapOptions {
  readonly path: string
  /** Of the program. */
  readonly version: string
  readonly environment: Environment
  /** Where the last good configuration is kept; null keeps none. */
  readonly stateDir: string | null
  readonly stateKeys: boolean
  readonly clock: Clock
  readonly log: Log
}

/** An Envoy bootstrap as a source, with the control plane it names, if any. It is read again at each start. */
export function bootstrapSource(options: BootstrapOptions): Source {
  let running: Source | null = null
  return {
    start(emit) {
      running = sourceOf(readBootstrap(options.path), options)
      running.start(emit)
    },
    staleSince: () => running?.staleSince() ?? null,
    stop() {
      running?.stop()
      running = null
    },
  }
}

function sourceOf(
  bootstrap: Bootstrap,
  { version, environment, stateDir, stateKeys, clock, log }: BootstrapOptions,
): Source {
  const { node, controlPlane, fixed, problems } = bootstrap
  const outside = newOutside(String(node.cluster ?? ''), environment)
  return xdsSource({
    dial: controlPlane === null ? null : async () => dial(bootstrap, version, outside),
    node: () => nodeOf(node, version),
    openStream,
    translators,
    outside,
    fixed,
    problems,
    keep: stateDir === null ? null : keepingOf(node, stateDir, stateKeys),
    clock,
    log,
  })
}

const keepingOf = (node: Raw, dir: string, keys: boolean): KeepingOptions => ({
  dir,
  owner: `${String(node.cluster ?? '')}/${String(node.id ?? '')}`,
  keys,
})

/** Reads certificates again each time: those of a long-lived process change. */
function dial(
  { node, controlPlane, fixed }: Bootstrap,
  version: string,
  outside: Outside,
): Dialled {
  if (controlPlane === null) throw new Error('the bootstrap names no control plane')
  const store = newStore(translators, outside)
  for (const one of fixed) if (one.kind !== 'listeners') store.fix(one.kind, one)
  const cluster = store.held.clusters.get(controlPlane.cluster)?.value
  if (cluster === undefined) throw new Error(`the bootstrap has no cluster ${controlPlane.cluster}`)
  const secrets = new Map([...store.held.secrets].map(([name, { value }]) => [name, value]))
  const { metadata, delta } = controlPlane
  const address = { ...addressOf(cluster, secrets), pings: true, metadata }
  return { address, node: nodeOf(node, version), delta }
}

/** What the bootstrap says of us, and which program says it. */
const nodeOf = (node: Raw, version: string): Raw =>
  Object.keys(node).some((key) => key.startsWith('user_agent_'))
    ? node
    : { ...node, user_agent_name: 'outrider', user_agent_version: version }
