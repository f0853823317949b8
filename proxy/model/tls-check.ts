import { checkStringMatch } from '../matcher.ts'
import {
  flag,
  join,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  recordOrNull,
  records,
  textOrNull,
  texts,
} from '../problems.ts'
import type { PeerIdentity, UpstreamTls } from './cluster.ts'
import type { DownstreamTls, TlsVersions } from './listener.ts'
import { checkName } from './origin.ts'

/** `tls` of a filter chain, or null. */
export function checkDownstreamTls(
  chain: Raw,
  path: string,
  problems: Problems,
): DownstreamTls | null {
  const raw = recordOrNull(chain, 'tls', path, problems)
  if (raw === null) return null
  const at = join(path, 'tls')
  onlyKeys(raw, downstreamKeys, at, problems)
  const trust = textOrNull(raw, 'trust', at, problems)
  const requireClientCertificate = flag(
    raw,
    'requireClientCertificate',
    at,
    problems,
    trust !== null,
  )
  const peerIdentities = records(raw, 'peerIdentities', at, problems, checkPeerIdentity)
  if (trust === null && requireClientCertificate) {
    problems.add(join(at, 'requireClientCertificate'), 'needs trust to verify them with')
  }
  if (trust === null && peerIdentities.length > 0) {
    problems.add(join(at, 'peerIdentities'), 'need trust to verify them with')
  }
  return {
    certificate: checkName(raw, 'certificate', at, problems),
    trust,
    requireClientCertificate,
    peerIdentities,
    alpn: checkAlpn(raw, at, problems),
    versions: checkVersions(raw, at, problems),
  }
}

const downstreamKeys = [
  'certificate',
  'trust',
  'requireClientCertificate',
  'peerIdentities',
  'alpn',
  'versions',
]

/** `tls` of a cluster, or null. */
export function checkUpstreamTls(
  cluster: Raw,
  path: string,
  problems: Problems,
): UpstreamTls | null {
  const raw = recordOrNull(cluster, 'tls', path, problems)
  if (raw === null) return null
  const at = join(path, 'tls')
  onlyKeys(raw, upstreamKeys, at, problems)
  return {
    certificate: textOrNull(raw, 'certificate', at, problems),
    trust: textOrNull(raw, 'trust', at, problems),
    peerIdentities: records(raw, 'peerIdentities', at, problems, checkPeerIdentity),
    sni: textOrNull(raw, 'sni', at, problems),
    alpn: checkAlpn(raw, at, problems),
    versions: checkVersions(raw, at, problems),
    skipChain: flag(raw, 'skipChain', at, problems, false),
  }
}

const upstreamKeys = [
  'certificate',
  'trust',
  'peerIdentities',
  'sni',
  'alpn',
  'versions',
  'skipChain',
]

function checkPeerIdentity(raw: Raw, path: string, problems: Problems): PeerIdentity {
  onlyKeys(raw, ['san', 'match'], path, problems)
  return {
    san: oneOf(raw, 'san', path, problems, ['uri', 'dns', 'ip']),
    match: checkStringMatch(raw.match, join(path, 'match'), problems),
  }
}

/** RFC 7301 §3.1: 1 to 255 bytes each. */
function checkAlpn(raw: Raw, path: string, problems: Problems): readonly string[] {
  const names = texts(raw, 'alpn', path, problems)
  if (names.some((name) => !/^[\x21-\x7e]{1,255}$/.test(name))) {
    problems.add(join(path, 'alpn'), 'protocol names have 1 to 255 visible characters')
  }
  return names
}

const versions = ['TLSv1.2', 'TLSv1.3'] as const

function checkVersions(parent: Raw, path: string, problems: Problems): TlsVersions {
  const at = join(path, 'versions')
  const raw = record(parent.versions ?? {}, at, problems)
  onlyKeys(raw, ['min', 'max', 'ciphers'], at, problems)
  const min = oneOf(raw, 'min', at, problems, versions, 'TLSv1.2')
  const max = oneOf(raw, 'max', at, problems, versions, 'TLSv1.3')
  if (min > max) problems.add(join(at, 'min'), 'must not be above max')
  return { min, max, ciphers: texts(raw, 'ciphers', at, problems) }
}
