import * as v from 'valibot'
import type { Clock, Timer } from '../../../proxy/clock.ts'
import type { Log } from '../../../proxy/log.ts'
import { atOnce } from '../../../proxy/pace.ts'
import { isoTime } from '../../../proxy/telemetry/strftime.ts'
import { lastKnownGood } from '../../last-known-good.ts'
import { type ResourceKind, resourceKinds } from './resource-type.ts'
import type { Store } from './store.ts'

export interface KeepingOptions {
  readonly dir: string
  /** `mesh/name`: guards against the file of another proxy. */
  readonly owner: string
  /** Keep private keys, too; without them a sidecar with mutual TLS waits for the control plane after a restart. */
  readonly keys: boolean
}

/** Keeps what was accepted over restarts. */
export interface Keeping {
  /** Takes in what was kept; Unix ms of when, or null when there is nothing of use. */
  restore(): number | null
  /** Something changed: it is written soon. */
  changed(): void
  /** Writes what has not been written. */
  flush(): void
}

/** A configuration that flaps is not written each time. */
const writeMs = 1_000

const stored = v.array(
  v.object({
    kind: v.picklist(resourceKinds),
    name: v.string(),
    version: v.string(),
    /** base64 */
    bytes: v.string(),
  }),
)

export function newKeeping(
  { dir, owner, keys }: KeepingOptions,
  store: Store,
  clock: Clock,
  log: Log,
): Keeping {
  const file = lastKnownGood<readonly Row[]>(dir, owner, (raw) => v.parse(stored, raw))
  let timer: Timer | null = null
  const write = (): void => {
    timer?.cancel()
    timer = null
    try {
      file.save({ savedAt: clock.wall(), state: rowsOf(store, keys) })
    } catch (error) {
      log.warn('the configuration cannot be kept for a restart', { reason: String(error) })
    }
  }
  return {
    restore() {
      try {
        const kept = file.load()
        if (kept === null) return null
        for (const kind of resourceKinds) restoreKind(store, kind, kept.state)
        log.warn('serving the last known good configuration until the control plane says more', {
          since: isoTime()(kept.savedAt),
        })
        return kept.savedAt
      } catch (error) {
        log.warn('the last known good configuration cannot be used', { reason: String(error) })
        return null
      }
    },
    changed() {
      timer ??= clock.after(writeMs, write)
    },
    flush() {
      if (timer !== null) write()
    },
  }
}

type Row = v.InferOutput<typeof stored>[number]

function restoreKind(store: Store, kind: ResourceKind, rows: readonly Row[]): void {
  const put = rows
    .filter((row) => row.kind === kind)
    .map(({ name, version, bytes }) => ({ name, version, bytes: Buffer.from(bytes, 'base64') }))
  atOnce(store.take(kind, put, []))
}

function rowsOf(store: Store, keys: boolean): readonly Row[] {
  return resourceKinds.flatMap((kind) =>
    [...store.held[kind].values()]
      .filter(({ fixed, value }) => !fixed && (keys || !holdsKey(value)))
      .map(({ name, version, bytes }) => ({
        kind,
        name,
        version,
        bytes: Buffer.from(bytes).toString('base64'),
      })),
  )
}

type Value =
  Store['held'][ResourceKind] extends ReadonlyMap<string, { readonly value: infer V }> ? V : never

/** A certificate comes with its key, be it a secret of its own or inside a cluster or listener. */
function holdsKey(value: Value): boolean {
  if (value === null) return false
  if ('kind' in value) return value.kind === 'certificate'
  return 'secrets' in value && value.secrets.some(({ kind }) => kind === 'certificate')
}
