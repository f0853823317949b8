import { list, map, maybe, must, unsupported, word } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'
import { filled, port } from './values.ts'

const redirect = 'traffic that no outbound takes is not ours without transparent proxying'

/** Kuma `MeshPassthrough`. */
export const meshPassthrough = proxyPolicy(
  'Traffic that no outbound takes.',
  map({
    passthroughMode: unsupported(word(['All', 'Matched', 'None']), redirect),
    appendMatch: unsupported(
      list(
        map({
          type: must(word(['Domain', 'IP', 'CIDR']), 'What the value is.'),
          value: must(filled, 'Domain, which may begin with *., address or network.'),
          port: maybe(port, 'Port; all by default.'),
          protocol: maybe(
            word(['tcp', 'tls', 'grpc', 'http', 'http2', 'mysql']),
            'What is spoken.',
            'tcp',
          ),
        }),
      ),
      redirect,
    ),
  }),
)
