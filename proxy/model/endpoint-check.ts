import {
  integer,
  join,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  records,
  text,
  textMap,
} from '../problems.ts'
import type { EndpointAddress, EndpointGroup, Locality } from './endpoint.ts'
import { checkIdentity } from './origin.ts'

/** An endpoint group; an empty one is right, and its requests are answered with UH. */
export function checkEndpointGroup(raw: Raw, problems: Problems): EndpointGroup {
  onlyKeys(raw, ['name', 'origin', 'localities', 'overprovisioningPercent'], '', problems)
  return {
    ...checkIdentity(raw, problems),
    localities: records(raw, 'localities', '', problems, checkLocality),
    overprovisioningPercent: integer(raw, 'overprovisioningPercent', '', problems, 140, 100),
  }
}

function checkLocality(raw: Raw, path: string, problems: Problems): Locality {
  onlyKeys(raw, ['zone', 'subZone', 'priority', 'weight', 'endpoints'], path, problems)
  return {
    zone: text(raw, 'zone', path, problems, ''),
    subZone: text(raw, 'subZone', path, problems, ''),
    priority: integer(raw, 'priority', path, problems, 0, 0, 128),
    weight: integer(raw, 'weight', path, problems, 0, 0, maxWeight),
    endpoints: records(raw, 'endpoints', path, problems, checkAddress),
  }
}

const maxWeight = 4_294_967_295
/** An IP address or a host name, without brackets, port or path. */
const hostText = /^[A-Za-z0-9._:%-]{1,253}$/

function checkAddress(raw: Raw, path: string, problems: Problems): EndpointAddress {
  onlyKeys(raw, ['host', 'port', 'hostname', 'weight', 'health', 'tags'], path, problems)
  const host = text(raw, 'host', path, problems)
  const isSocket = host.startsWith('/') && !host.includes('\0')
  if (!isSocket && !hostText.test(host)) {
    problems.add(join(path, 'host'), 'must be an IP address, a host name or an absolute path')
  }
  const port = integer(raw, 'port', path, problems, 0, 0, 65_535)
  if (isSocket !== (port === 0)) {
    problems.add(join(path, 'port'), 'must be 1 to 65535, and 0 for a Unix socket')
  }
  return {
    host,
    port,
    hostname: checkHostname(raw, path, problems),
    weight: integer(raw, 'weight', path, problems, 1, 1, maxWeight),
    health: oneOf(
      raw,
      'health',
      path,
      problems,
      ['unknown', 'healthy', 'unhealthy', 'draining'],
      'unknown',
    ),
    tags: textMap(raw.tags, join(path, 'tags'), problems),
  }
}

/** It will stand in a `host` field. */
function checkHostname(raw: Raw, path: string, problems: Problems): string {
  const hostname = text(raw, 'hostname', path, problems, '')
  if (hostname !== '' && !hostText.test(hostname)) {
    problems.add(join(path, 'hostname'), 'must be a host name or an IP address')
  }
  return hostname
}
