import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCa, type Identity, issue } from '../dp-agent/pki/ca.ts'
import { systemClock } from '../proxy/clock.ts'
import { backendName, type Side } from './peer.ts'

type Authority = Identity & { readonly notAfter: number }

const expiryMs = 86_400_000

/**
 * Makes a P-256 CA and, in `dir/web` and `dir/backend`, an identity directory each: `tls.crt`, `tls.key`, `ca.crt`.
 * The SPIFFE IDs are those of Kuma's mesh `default`; the DNS names are for peers that cannot check a URI.
 */
export function makeIdentities(dir: string): void {
  const notAfter = systemClock.wall() + expiryMs
  const ca = Object.assign(createCa({ trustDomain: 'default', expiryMs }, systemClock), {
    notAfter,
  })
  writeIdentity(dir, 'web', 'web.mesh', ca)
  writeIdentity(dir, 'backend', backendName, ca)
}

function writeIdentity(dir: string, side: Side, dnsName: string, ca: Authority): void {
  const home = join(dir, side)
  mkdirSync(home, { recursive: true })
  const { certificate, key } = issue(
    ca,
    {
      sans: [
        { kind: 'uri', value: `spiffe://default/${side}` },
        { kind: 'dns', value: dnsName },
      ],
      organization: 'default',
      expiryMs,
    },
    systemClock,
  )
  writeFileSync(join(home, 'tls.crt'), certificate)
  writeFileSync(join(home, 'tls.key'), key, { mode: 0o600 })
  writeFileSync(join(home, 'ca.crt'), ca.certificate)
}
