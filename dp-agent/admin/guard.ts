import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** A request the admin server does not serve, and why. */
export interface Refusal {
  readonly status: number
  readonly message: string
}

/**
 * Keeps web pages away from the admin server. A page whose name was made to resolve to our address (DNS rebinding) is
 * known by its Host, which is neither an IP address nor localhost; a page that posts across sites by its Origin or
 * Sec-Fetch-Site (Fetch §3.2, Fetch Metadata). Programs send neither of these two and pass. Null: may be served.
 */
export function refuse(request: IncomingMessage, hosts: readonly string[]): Refusal | null {
  const authority = request.headers.host ?? ''
  if (!knownHost(authority, hosts)) {
    return {
      status: 421,
      message: `the admin server does not answer to the host "${authority}"; allow it with --admin-host`,
    }
  }
  if (request.method === 'GET' || request.method === 'HEAD') return null
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  const foreign =
    (origin !== undefined && origin !== `http://${authority}`) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  return foreign ? { status: 403, message: 'not for pages of other sites' } : null
}

function knownHost(authority: string, hosts: readonly string[]): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(authority)
  if (match === null) return false
  const host = (match[1] ?? match[2] ?? '').toLowerCase()
  if (match[1] !== undefined) return isIP(host) === 6
  if (isIP(host) === 4 || host === 'localhost' || host.endsWith('.localhost')) return true
  return hosts.some((known) => known.toLowerCase() === host)
}
