import type { Raw } from '../../proxy/problems.ts'

/** One request, or one connection, of a case. */
export interface Ask {
  /** Default `/`. Sent as it stands. */
  readonly path?: string
  /** Default GET. */
  readonly method?: string
  /** Default `app.test`. */
  readonly host?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  /** `tcp` sends the body as it stands and takes what comes within a moment. Default `http1`. */
  readonly by?: 'http1' | 'http2' | 'tcp'
  /** With TLS and this server name, showing a certificate or not. */
  readonly tls?: { readonly name: string; readonly certificate: boolean }
  /** How many of them, one after another on a connection; or all at once. Default 1. */
  readonly times?: number
  readonly atOnce?: boolean
  /** Milliseconds before it is asked. */
  readonly after?: number
}

/** What a caller got. */
export interface Answer {
  /** 0: none came, and the body says why. */
  readonly status: number
  readonly headers: Headers
  readonly trailers: Headers
  readonly body: string
  /** In seconds, rounded: for telling what waits from what does not. */
  readonly took: number
}

/** Names in small letters, sorted; with all values of a name in their order. */
export type Headers = Readonly<Record<string, readonly string[]>>

/** What an application saw of a request. */
export interface Arrival {
  readonly app: AppName
  readonly method: string
  readonly path: string
  readonly version: string
  readonly headers: Headers
  readonly body: string
}

/** What became of an ask. */
export interface Exchange {
  readonly answers: readonly Answer[]
  /** The proxy ended the connection after the last. */
  readonly closed: boolean
  readonly arrivals: readonly Arrival[]
}

/** `c` speaks HTTP/2, the others HTTP/1.1. */
export const appNames = ['a', 'b', 'c'] as const
export type AppName = (typeof appNames)[number]

/** The addresses a bootstrap speaks of, all on 127.0.0.1 but the socket. */
export interface Addresses {
  /** Of the proxy's listener. */
  readonly listener: number
  readonly apps: Readonly<Record<AppName, number>>
  /** Path of a socket on which application `a` listens, too. */
  readonly socket: string
  /** A port where nobody listens. */
  readonly nobody: number
  readonly certificate: CertificateFiles
}

/** A bootstrap that Envoy and Outrider both run, what is asked of them, and where they are known to differ. */
export interface Case {
  readonly name: string
  /** `static_resources`, as one would write it in YAML. */
  config(at: Addresses): Raw
  readonly asks: readonly Ask[]
  /** What of it must be equal; where chance is at work, not everything can. Default: all of it. */
  compared?(exchanges: readonly Exchange[]): unknown
  /**
   * Places in what is compared, such as `1.answers.0.body` (all below it too; `*` is any step), and why they differ. What no
   * longer differs must go.
   */
  readonly differs?: Readonly<Record<string, string>>
  /** What Outrider says of a bootstrap that it does not run though Envoy does, instead of what comes of asks. */
  readonly refused?: readonly string[]
}

/** PEM files of an identity that is good for both sides of TLS. */
export interface CertificateFiles {
  readonly chain: string
  readonly key: string
  readonly ca: string
}

const ownLine = 'Outrider says in a line of text why it answers itself'

/** Where the answer is the proxy's own, and Envoy's has other words. */
export const otherWords = {
  '*.answers.*.body': ownLine,
  '*.answers.*.headers.content-length': ownLine,
}

/** Where Envoy's has none. */
export const ownWords = { ...otherWords, '*.answers.*.headers.content-type': ownLine }
