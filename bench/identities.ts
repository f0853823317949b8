import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { backendName, type Side } from './peer.ts'
import { which } from './processes.ts'

/** Whether `makeIdentities` can run here. */
export const canMakeIdentities = (): boolean => which('openssl') !== null

/**
 * Makes a P-256 CA and, in `dir/web` and `dir/backend`, an identity directory each: `tls.crt`, `tls.key`, `ca.crt`.
 * The SPIFFE IDs are those of Kuma's mesh `default`; the DNS names are for peers that cannot check a URI.
 */
export function makeIdentities(dir: string): void {
  mkdirSync(dir, { recursive: true })
  const ca = ['-keyout', join(dir, 'ca.key'), '-out', join(dir, 'ca.crt'), '-subj', '/CN=bench']
  openssl(dir, ...ca, '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
  issue(dir, 'web', 'web.mesh')
  issue(dir, 'backend', backendName)
}

function issue(dir: string, side: Side, dnsName: string): void {
  const home = join(dir, side)
  mkdirSync(home, { recursive: true })
  copyFileSync(join(dir, 'ca.crt'), join(home, 'ca.crt'))
  const files = ['-keyout', join(home, 'tls.key'), '-out', join(home, 'tls.crt')]
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
    `subjectAltName=URI:spiffe://default/${side},DNS:${dnsName}`,
  ]
  const signer = ['-CA', join(dir, 'ca.crt'), '-CAkey', join(dir, 'ca.key')]
  const subject = ['-subj', `/CN=${side}`]
  openssl(dir, ...files, ...signer, ...subject, ...extensions.flatMap((e) => ['-addext', e]))
}

function openssl(cwd: string, ...args: string[]): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...key, ...args], { cwd, stdio: 'pipe' })
}
