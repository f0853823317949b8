import { X509Certificate } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../proxy/clock.ts'
import { createCa, issue } from '../pki/ca.ts'
import { writeFiles } from '../pki/write.ts'
import { shiftPortsIn } from './ports.ts'

const dayMs = 86_400_000
const services = ['gateway', 'frontend', 'backend'] as const

/** `kuma.io/service` of the demo's dataplanes. */
export type DemoService = (typeof services)[number]

/** Where a service's identity lies, below the demo's directory: what `--identity-dir` is given. */
export const identityDirOf = (work: string, service: DemoService): string =>
  join(work, 'identity', service)

/**
 * A CA for as long as we live; its key is never written. Every service gets a certificate with the SPIFFE ID that the
 * resources imply, good for a day and renewed twice a day. Returns what ends the renewals. Throws when the disk will not
 * have the first ones.
 */
export function issueIdentities(work: string, clock: Clock): () => void {
  const ca = createCa({ trustDomain: 'default', expiryMs: 365 * dayMs }, clock)
  const notAfter = new X509Certificate(ca.certificate).validToDate.getTime()
  const signer = Object.assign(ca, { notAfter })
  const issueTo = (service: DemoService): string | null => {
    const sans = [{ kind: 'uri', value: `spiffe://default/${service}` }] as const
    const leaf = issue(signer, { sans, organization: 'default', expiryMs: dayMs }, clock)
    const files = [
      { name: 'tls.key', text: leaf.key, secret: true },
      { name: 'ca.crt', text: ca.certificate, secret: false },
      { name: 'tls.crt', text: leaf.certificate, secret: false },
    ]
    return writeFiles(identityDirOf(work, service), files, true)
  }
  const problem = services.map(issueTo).find((one) => one !== null) ?? null
  if (problem !== null) throw new Error(problem)
  const renewals = clock.every(dayMs / 2, () => void services.map(issueTo))
  return () => renewals.cancel()
}

/** The resources: the directory itself, or with an offset a copy of it with other ports. */
export function demoResources(from: string, work: string, offset: number): string {
  if (offset === 0) return from
  const to = join(work, 'config')
  mkdirSync(to)
  for (const file of readdirSync(from)) {
    writeFileSync(join(to, file), shiftPortsIn(readFileSync(join(from, file), 'utf8'), offset))
  }
  return to
}
