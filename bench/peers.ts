import type { Peer } from './peer.ts'
import { direct } from './peers/direct.ts'
import { envoy } from './peers/envoy.ts'
import { haproxy } from './peers/haproxy.ts'
import { httpProxy3 } from './peers/http-proxy-3.ts'
import { nginx } from './peers/nginx.ts'
import { nodeHttp2, nodeHttp2Streams } from './peers/node-http2.ts'
import {
  outrider,
  outriderLargeMesh,
  outriderLibrary,
  outriderLibraryHttp1,
  outriderSource,
} from './peers/outrider.ts'
import { undici } from './peers/undici.ts'

/** Every peer, in the order of the tables. */
export const peers: readonly Peer[] = [
  direct,
  nginx,
  haproxy,
  envoy,
  undici,
  nodeHttp2,
  nodeHttp2Streams,
  httpProxy3,
  outrider,
  outriderLargeMesh,
  outriderSource,
  outriderLibrary,
  outriderLibraryHttp1,
]
