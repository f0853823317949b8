import { filled, list, map, maybe, port, unsupported, word } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'

const redirect = 'traffic that no outbound takes is not ours without transparent proxying'

/** Kuma `MeshPassthrough`. */
export const meshPassthrough = proxyPolicy(
  map({
    passthroughMode: unsupported(word(['All', 'Matched', 'None']), redirect),
    appendMatch: unsupported(
      list(
        map({
          type: word(['Domain', 'IP', 'CIDR']),
          value: filled,
          port: maybe(port),
          protocol: maybe(word(['tcp', 'tls', 'grpc', 'http', 'http2', 'mysql'])),
        }),
      ),
      redirect,
    ),
  }),
)
