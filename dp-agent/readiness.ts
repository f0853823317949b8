import { X509Certificate } from 'node:crypto'
import type { Snapshot } from '../proxy/model/snapshot.ts'
import type { CertificateStatus, Readiness } from './admin/agent-view.ts'
import type { WorkerStatus } from './worker/supervise.ts'

export interface ReadinessFacts {
  readonly draining: boolean
  /** Why nothing is served yet; null once it is. */
  readonly waitingFor: string | null
  readonly workers: readonly WorkerStatus[]
  readonly certificate: CertificateStatus | null
  /** Unix ms. */
  readonly now: number
}

/** Live once the first snapshot was at work on all workers, while one of them serves and our certificate is valid. */
export function readiness(facts: ReadinessFacts): Readiness {
  if (facts.draining) return { state: 'DRAINING', reasons: ['told to take no more'] }
  const reasons = [
    ...(facts.waitingFor === null ? [] : [facts.waitingFor]),
    ...(facts.workers.some((worker) => worker.state === 'serving') ? [] : ['no worker serves']),
    ...(facts.certificate !== null && facts.certificate.notAfter <= facts.now
      ? ['our certificate has expired']
      : []),
  ]
  return { state: reasons.length === 0 ? 'LIVE' : 'INITIALIZING', reasons }
}

/**
 * The certificate we show to the mesh: the first with a SPIFFE ID, by its leaf. A control plane may give others, as for its own way to the
 * admin pages; they count where there is no such one. Null without any.
 */
export function certificateOf(snapshot: Snapshot): CertificateStatus | null {
  const all = snapshot.secrets.flatMap((secret) =>
    secret.kind === 'certificate' ? (statusOf(secret.chain) ?? []) : [],
  )
  return all.find(({ spiffeId }) => spiffeId !== '') ?? all[0] ?? null
}

function statusOf(chain: string): CertificateStatus | null {
  try {
    const leaf = new X509Certificate(chain)
    const uri = /URI:(spiffe:[^,\s]+)/.exec(leaf.subjectAltName ?? '')
    return { spiffeId: uri?.[1] ?? '', notAfter: leaf.validToDate.getTime() }
  } catch {
    return null
  }
}
