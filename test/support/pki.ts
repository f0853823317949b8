import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { type Identity, identity, newSerial } from '../../dp-agent/pki/ca.ts'
import {
  type CertificateSpec,
  clientAuth,
  makeCertificate,
  type San,
  serverAuth,
} from '../../dp-agent/pki/x509.ts'
import type { CertificateSecret, TrustSecret } from '../../proxy/model/secret.ts'

const hourMs = 3_600_000
const origin = { source: 'test', name: 'test', version: '1' }

/** What may be wrong with a certificate. Times are Unix ms; the default life is from an hour ago for a day. */
export interface Wrong {
  readonly sans?: readonly San[]
  readonly notBefore?: number
  readonly notAfter?: number
  readonly ca?: CertificateSpec['ca']
  readonly extendedKeyUsage?: readonly string[]
  readonly keyType?: 'ec' | 'rsa'
  /** Null: an empty subject. */
  readonly commonName?: string | null
}

/** A CA of tests: `certificate` is its own, `chain` what a leaf shows above itself (empty for a root). */
export interface TestCa extends Identity {
  readonly chain: string
}

/** A self-signed root. */
export function testCa(commonName = 'Test CA', wrong: Wrong = {}): TestCa {
  return {
    ...make(null, { ca: { pathLength: null }, extendedKeyUsage: [], commonName, ...wrong }),
    chain: '',
  }
}

/** A CA signed by another; leaves of it show it in their chain. */
export function intermediateCa(
  ca: TestCa,
  commonName = 'Test intermediate',
  wrong: Wrong = {},
): TestCa {
  const made = make(ca, { ca: { pathLength: 0 }, extendedKeyUsage: [], commonName, ...wrong })
  return { ...made, chain: made.certificate + ca.chain }
}

/** A leaf with `spiffeId` (or none) and whatever is wrong with it; `certificate` is the whole chain, leaf first. */
export function testLeaf(ca: TestCa, spiffeId: string | null, wrong: Wrong = {}): Identity {
  const sans: readonly San[] = spiffeId === null ? [] : [{ kind: 'uri', value: spiffeId }]
  const made = make(ca, { sans, ...wrong })
  return identity(made.certificate + ca.chain, made.key)
}

function make(ca: TestCa | null, wrong: Wrong): Identity {
  const { publicKey, privateKey } = newKey(wrong.keyType ?? 'ec')
  const now = Date.now()
  const spec: CertificateSpec = {
    publicKey,
    subject: {
      organization: null,
      commonName: wrong.commonName === undefined ? 'leaf' : wrong.commonName,
    },
    sans: wrong.sans ?? [],
    notBefore: wrong.notBefore ?? now - hourMs,
    notAfter: wrong.notAfter ?? now + 24 * hourMs,
    serial: newSerial(),
    ca: wrong.ca ?? null,
    extendedKeyUsage: wrong.extendedKeyUsage ?? [serverAuth, clientAuth],
  }
  const issuer = ca && { certificate: ca.certificate, key: createPrivateKey(ca.key) }
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { certificate: makeCertificate(spec, issuer, privateKey), key }
}

function newKey(type: 'ec' | 'rsa'): { publicKey: KeyObject; privateKey: KeyObject } {
  return type === 'ec'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2_048 })
}

/** An identity as the model carries it. */
export const certificateSecret = (of: Identity, name = 'identity'): CertificateSecret => ({
  kind: 'certificate',
  name,
  origin,
  chain: of.certificate,
  key: of.key,
})

/** Bundles as the model carries them: trust domain → CAs; the empty domain serves every peer. */
export const trustSecret = (
  domains: Readonly<Record<string, readonly TestCa[]>>,
  name = 'trust',
): TrustSecret => ({
  kind: 'trust',
  name,
  origin,
  domains: Object.entries(domains).map(([domain, cas]) => ({
    domain,
    bundle: cas.map((ca) => ca.certificate).join(''),
  })),
})

/** The leaf of a chain, parsed. */
export const parsed = (of: Identity): X509Certificate => new X509Certificate(of.certificate)
