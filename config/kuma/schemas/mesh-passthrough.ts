import type * as v from 'valibot'
import { list, map, maybe, must, word } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'
import { filled, port } from './values.ts'

const match = map({
  type: must(word(['Domain', 'IP', 'CIDR']), 'What the value is.'),
  value: must(filled, 'Domain, which may begin with *., address or network.'),
  port: maybe(port, 'Port; all by default.'),
  protocol: maybe(
    word(['tcp', 'tls', 'grpc', 'http', 'http2', 'mysql']),
    'What is spoken. A domain is found in the Host of http, http2 and grpc and in the server name of tls; of mysql the server speaks first.',
    'tcp',
  ),
})
export type PassthroughMatch = v.InferOutput<typeof match>

export const meshPassthroughConf = map({
  passthroughMode: maybe(
    word(['All', 'Matched', 'None']),
    'All passes; what appendMatch names; nothing.',
    'Matched',
  ),
  appendMatch: maybe(list(match), 'What passes with Matched; lists of several policies add up.'),
})
export type MeshPassthroughConf = v.InferOutput<typeof meshPassthroughConf>

/** Kuma `MeshPassthrough`. */
export const meshPassthrough = proxyPolicy(
  'Which calls to destinations outside the mesh pass, where traffic is intercepted (`networking.transparentProxying`).',
  meshPassthroughConf,
)
