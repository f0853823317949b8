import { isIP } from 'node:net'
import { didYouMean } from '../../nearest.ts'
import type { Path, Reporter } from '../../report.ts'
import { interceptionOf } from '../interception.ts'
import type { Resource } from '../resources.ts'
import type { InboundBody, OutboundBody } from '../schemas/dataplane.ts'
import { checkTagNames } from './tags.ts'

/** Reports what makes a Dataplane unable to listen or to call. Kuma: `DataplaneResource.Validate`. */
export function checkDataplane(dataplane: Resource<'Dataplane'>, reporter: Reporter): void {
  const { networking } = dataplane.body
  const { address, gateway, inbound = [], outbound = [] } = networking
  if (address === '0.0.0.0' || address === '::') {
    const hint = 'peers dial this address'
    reporter.error(dataplane, ['networking', 'address'], 'must be a single address', { hint })
  }
  if (gateway !== undefined && inbound.length > 0) {
    const path = ['networking', 'inbound']
    reporter.error(dataplane, path, 'cannot stand beside gateway')
  }
  if (gateway?.type === 'BUILTIN') {
    const hint = 'use DELEGATED, with a gateway of your choice in front'
    reporter.error(dataplane, ['networking', 'gateway', 'type'], 'BUILTIN is not supported', {
      hint,
    })
  }
  const { transparentProxying } = networking
  if (transparentProxying !== undefined && !transparentProxying.redirectPortOutbound) {
    const path = ['networking', 'transparentProxying']
    const message = 'intercepts nothing without redirectPortOutbound'
    reporter.warn(dataplane, path, message, { hint: 'give the port, 15001 in Kuma' })
  }
  checkAddresses(dataplane, reporter)
  checkTagNames(dataplane, gateway?.tags, ['networking', 'gateway', 'tags'], reporter)
  const taken = new Map<string, string>()
  inbound.forEach((entry, index) => {
    checkInbound(dataplane, entry, index, reporter)
    if (entry.state === 'Ignored') return
    const place: Path = ['networking', 'inbound', index, 'port']
    claim(dataplane, `${entry.address ?? address}:${entry.port}`, place, taken, reporter)
  })
  outbound.forEach((entry, index) => {
    checkOutbound(dataplane, entry, index, reporter)
    const place: Path = ['networking', 'outbound', index, 'port']
    claim(dataplane, `${entry.address ?? '127.0.0.1'}:${entry.port}`, place, taken, reporter)
  })
  checkAdminPort(dataplane, taken, reporter)
}

/** Addresses that are listened on, and names of inbounds. */
function checkAddresses(dataplane: Resource<'Dataplane'>, reporter: Reporter): void {
  const { inbound = [], outbound = [] } = dataplane.body.networking
  const lists = { inbound, outbound }
  const named = new Map<string, number>()
  for (const [list, entries] of Object.entries(lists)) {
    for (const [index, entry] of entries.entries()) {
      if (entry.address === undefined || isIP(entry.address) !== 0) continue
      const path: Path = ['networking', list, index, 'address']
      reporter.error(dataplane, path, 'must be an IP address: it is listened on')
    }
  }
  for (const [index, { name }] of inbound.entries()) {
    const other = name === undefined ? undefined : named.get(name)
    if (name === undefined) continue
    if (other === undefined) named.set(name, index)
    else {
      const path: Path = ['networking', 'inbound', index, 'name']
      reporter.error(dataplane, path, `is already the name of inbound[${other}]`)
    }
  }
}

/** The admin pages are on the loopback, or where the agent is told. */
function checkAdminPort(
  dataplane: Resource<'Dataplane'>,
  taken: ReadonlyMap<string, string>,
  reporter: Reporter,
): void {
  const { address, admin } = dataplane.body.networking
  for (const host of [address, '127.0.0.1']) {
    const owner = taken.get(`${host}:${admin?.port}`)
    if (owner === undefined) continue
    const path = ['networking', 'admin', 'port']
    reporter.error(dataplane, path, `is already taken by ${owner}`)
    return
  }
}

function checkInbound(
  dataplane: Resource<'Dataplane'>,
  inbound: InboundBody,
  index: number,
  reporter: Reporter,
): void {
  checkProtocol(dataplane, inbound, index, reporter)
  checkTags(dataplane, inbound, index, reporter)
  const own = inbound.address ?? dataplane.body.networking.address
  const app = inbound.serviceAddress ?? own
  const intercepted = (interceptionOf(dataplane.body)?.inboundPort ?? 0) > 0
  if (!intercepted && app === own && (inbound.servicePort ?? inbound.port) === inbound.port) {
    const path = ['networking', 'inbound', index, inbound.servicePort ? 'servicePort' : 'port']
    reporter.error(dataplane, path, 'would forward to itself', {
      hint: 'give servicePort or serviceAddress of the application',
    })
  }
}

/** A service becomes a part of a SPIFFE ID and of file names. Kuma: `tagValueCharacterSet`. */
function checkTags(
  dataplane: Resource<'Dataplane'>,
  { tags = {} }: InboundBody,
  index: number,
  reporter: Reporter,
): void {
  checkTagNames(dataplane, tags, ['networking', 'inbound', index, 'tags'], reporter)
  for (const [key, value] of Object.entries(tags)) {
    if (/^[a-zA-Z0-9._:/-]+$/.test(value)) continue
    const path: Path = ['networking', 'inbound', index, 'tags', key]
    const message = `must be letters, digits and any of ._:/-, got ${JSON.stringify(value)}`
    reporter.error(dataplane, path, message)
  }
}

/** Protocols that Kuma knows by name; those we do not understand are carried as bytes, as there. */
const protocols = ['tcp', 'http', 'http2', 'grpc', 'tls', 'kafka', 'mysql']

function checkProtocol(
  dataplane: Resource<'Dataplane'>,
  { protocol, tags }: InboundBody,
  index: number,
  reporter: Reporter,
): void {
  const name = protocol ?? tags?.['kuma.io/protocol']
  if (name === undefined) return
  const where = protocol === undefined ? ['tags', 'kuma.io/protocol'] : ['protocol']
  const path: Path = ['networking', 'inbound', index, ...where]
  if (!protocols.includes(name)) {
    reporter.warn(dataplane, path, `unknown protocol ${JSON.stringify(name)} is carried as bytes`, {
      hint: didYouMean(name, protocols),
    })
  }
}

function checkOutbound(
  dataplane: Resource<'Dataplane'>,
  outbound: OutboundBody,
  index: number,
  reporter: Reporter,
): void {
  const path: Path = ['networking', 'outbound', index]
  const { tags, backendRef } = outbound
  checkTagNames(dataplane, tags, [...path, 'tags'], reporter)
  if ((tags === undefined) === (backendRef === undefined)) {
    reporter.error(dataplane, path, 'needs backendRef or tags, one of them')
  } else if (tags !== undefined && !tags['kuma.io/service']) {
    reporter.error(dataplane, [...path, 'tags'], 'needs the tag kuma.io/service')
  } else if (backendRef !== undefined) {
    if ((backendRef.name === undefined) === (backendRef.labels === undefined)) {
      reporter.error(dataplane, [...path, 'backendRef'], 'needs a name or labels, one of them')
    }
  }
}

/** Two listeners on one address cannot both bind. */
function claim(
  dataplane: Resource<'Dataplane'>,
  address: string,
  path: Path,
  taken: Map<string, string>,
  reporter: Reporter,
): void {
  const owner = taken.get(address)
  if (owner === undefined) taken.set(address, `${path[1]}[${path[2]}]`)
  else reporter.error(dataplane, path, `${address} is already taken by ${owner}`)
}
