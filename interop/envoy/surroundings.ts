import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../bench/processes.ts'
import { createCa, issue } from '../../dp-agent/pki/ca.ts'
import { systemClock } from '../../proxy/clock.ts'
import { type App, startApp } from './app.ts'
import { type Addresses, appNames, type CertificateFiles } from './case.ts'

/** What all cases run against. */
export interface Surroundings {
  readonly at: Omit<Addresses, 'listener'>
  readonly apps: readonly App[]
  /** For files of the proxies. */
  readonly dir: string
}

/** Starts the applications; files are written into `dir`. */
export async function arrange(dir: string): Promise<Surroundings> {
  const socket = join(dir, 'a.sock')
  const ports = { a: await freePort(), b: await freePort(), c: await freePort() }
  const apps = await Promise.all([
    ...appNames.map((name) => startApp(name, ports[name])),
    startApp('a', socket),
  ])
  const at = { apps: ports, socket, nobody: await freePort(), certificate: writeCertificate(dir) }
  return { at, apps, dir }
}

/** Of `spiffe://test/app`, which is `app.test` and `127.0.0.1`, too. */
function writeCertificate(dir: string): CertificateFiles {
  const expiryMs = 3_600_000
  const ca = createCa({ trustDomain: 'test', expiryMs }, systemClock)
  const signer = Object.assign(ca, { notAfter: systemClock.wall() + expiryMs })
  const sans = [
    { kind: 'uri', value: 'spiffe://test/app' },
    { kind: 'dns', value: 'app.test' },
  ] as const
  const leaf = issue(signer, { sans, organization: null, expiryMs }, systemClock)
  const write = (name: string, text: string): string => {
    const path = join(dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  return {
    chain: write('tls.crt', leaf.certificate),
    key: write('tls.key', leaf.key),
    ca: write('ca.crt', ca.certificate),
  }
}
