import type { Exchange } from '../exchange.ts'
import { headerJoined } from '../headers.ts'

/** What of a request is looked at. */
export interface RequestHead extends Pick<Exchange, 'method' | 'path' | 'authority' | 'scheme'> {
  readonly requestHeaders: readonly string[]
}

/**
 * What a configuration means by the name of a field (lower case) of a request, or null when it is not there. The parts of the
 * head that HTTP/2 writes as pseudo headers go by those names; `host` is the authority (RFC 9113 §8.3.1).
 */
export function requestField(x: RequestHead, name: string): string | null {
  switch (name) {
    case ':method':
      return x.method
    case ':path':
      return x.path
    case ':authority':
    case 'host':
      return x.authority
    case ':scheme':
      return x.scheme
    default:
      return headerJoined(x.requestHeaders, name)
  }
}
