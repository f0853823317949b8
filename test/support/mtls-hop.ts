import type { Snapshot } from '../../proxy/model/snapshot.ts'
import { certificateSecret, testCa, testLeaf, trustSecret } from './pki.ts'
import { chain, cluster, endpoints, httpFilter, listener, snapshot } from './snapshot.ts'

/** Two sides of a hop with mutual TLS: `spiffe://default/client` calls `spiffe://default/server`. */

const versions = { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] } as const
const exact = (value: string) => ({ kind: 'exact', value, ignoreCase: false }) as const

export const ca = testCa()
export const identity = (name: string, of = ca) => [
  certificateSecret(testLeaf(of, `spiffe://default/${name}`)),
  trust(of),
]
const trust = (of = ca) => trustSecret({ default: [of] })

/** The server side: mTLS in, the app behind it, only `client` may call. */
export const inbound = (app: number, over: Partial<Snapshot> = {}): Snapshot =>
  snapshot({
    listeners: [
      listener({
        filterChains: [
          chain({
            tls: {
              certificate: 'identity',
              trust: 'trust',
              requireClientCertificate: true,
              peerIdentities: [
                {
                  san: 'uri',
                  match: { kind: 'prefix', value: 'spiffe://default/', ignoreCase: false },
                },
              ],
              alpn: [],
              versions,
            },
            filter: httpFilter({
              policies: [
                {
                  kind: 'rbac',
                  plaintext: 'deny',
                  rules: [
                    {
                      name: 'callers',
                      action: 'allow',
                      match: {
                        uriSans: [exact('spiffe://default/client')],
                        notUriSans: [],
                        sni: null,
                      },
                    },
                  ],
                },
              ],
            }),
          }),
        ],
      }),
    ],
    endpoints: [endpoints('app', app)],
    secrets: identity('server'),
    ...over,
  })

/** The client side: plaintext in, mTLS to the other. */
export const outbound = (port: number, over: Partial<Snapshot> = {}): Snapshot =>
  snapshot({
    listeners: [listener({ direction: 'outbound' })],
    clusters: [
      cluster({
        tls: {
          certificate: 'identity',
          trust: 'trust',
          peerIdentities: [{ san: 'uri', match: exact('spiffe://default/server') }],
          sni: 'server',
          alpn: [],
          versions,
          skipChain: false,
        },
      }),
    ],
    endpoints: [endpoints('app', port)],
    secrets: identity('client'),
    ...over,
  })
