import { isNetwork } from '../../../proxy/network.ts'
import type { RbacCondition } from '../../../proxy/policies/rbac-condition.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place } from '../reading/report.ts'
import { number, stringMatch, text } from '../reading/values.ts'
import { headerAlternatives } from '../route/route-match.ts'

/** What permissions and principals ask of a request and of addresses. */

/** What is refused gives a condition that nothing meets. */
export const nothing: RbacCondition = { kind: 'some', of: [] }

/** `HeaderMatcher`, as in routes. */
export function headerCondition(place: Place): RbacCondition {
  if (text(place, 'name') === '') fail(place, 'name', 'must not be empty')
  const alternatives = headerAlternatives(place)
  return {
    kind: 'some',
    of: alternatives.map((matches) => ({
      kind: 'all',
      of: matches.map((match) => ({ kind: 'header', match })),
    })),
  }
}

const pathFields: Coverage = {
  message: 'envoy.type.matcher.v3.PathMatcher',
  read: ['path'],
  harmless: {},
}

/** `PathMatcher`: the path without query and fragment. */
export function pathCondition(place: Place): RbacCondition {
  checkFields(place, pathFields)
  const path = inside(place, 'path')
  if (path === null) fail(place, 'path', 'is missing')
  const match = path === null ? null : stringMatch(path)
  return match === null ? nothing : { kind: 'path', match }
}

const rangeFields: Coverage = {
  message: 'envoy.config.core.v3.CidrRange',
  read: ['address_prefix', 'prefix_len'],
  harmless: {},
}

/** `CidrRange`. Without a length it holds every address of its family (Envoy). */
export function addressIn(place: Place, whose: 'local' | 'remote' | 'caller'): RbacCondition {
  checkFields(place, rangeFields)
  const network = `${text(place, 'address_prefix')}/${number(place, 'prefix_len')}`
  if (isNetwork(network)) return { kind: 'address', whose, network }
  const hint = 'as in 10.0.0.0 and 8; what is mapped into IPv6 is written as IPv4'
  fail(place, '', `must be a network, got ${network}`, hint)
  return nothing
}

const maxPort = 65_535

/** `destination_port`. */
export function portIs(place: Place, key: string): RbacCondition {
  const port = number(place, key, -1)
  if (Number.isInteger(port) && port >= 0 && port <= maxPort) {
    return { kind: 'port', from: port, to: port }
  }
  fail(place, key, `must be 0 to ${maxPort}, got ${port}`)
  return nothing
}

const portRangeFields: Coverage = {
  message: 'envoy.type.v3.Int32Range',
  read: ['start', 'end'],
  harmless: {},
}

/** `Int32Range` of ports: its end is not in it. */
export function portRange(place: Place): RbacCondition {
  checkFields(place, portRangeFields)
  const [start, end] = [number(place, 'start'), number(place, 'end')]
  const whole = Number.isInteger(start) && Number.isInteger(end)
  if (whole && start >= 0 && start < end && end <= maxPort + 1) {
    return { kind: 'port', from: start, to: end - 1 }
  }
  fail(place, '', `must be ports from a start to an end above it, got ${start} to ${end}`)
  return nothing
}

export const rbacFactCoverages: readonly Coverage[] = [pathFields, rangeFields, portRangeFields]
