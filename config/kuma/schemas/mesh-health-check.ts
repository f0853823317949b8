import type * as v from 'valibot'
import { headerAdditions } from './parts.ts'
import { list, map, maybe, someOf } from './shapes.ts'
import { toList, trafficPolicy } from './target-ref.ts'
import {
  base64,
  count,
  duration,
  filePath,
  flag,
  percent,
  span,
  status,
  text,
  urlPath,
  wholePercent,
} from './values.ts'

const disabled = maybe(flag, 'Switches it off.', false)

const conf = map({
  interval: maybe(span, 'Between two probes.', '1m'),
  timeout: maybe(span, 'Time for one probe.', '15s'),
  unhealthyThreshold: maybe(count, 'Failures in a row that make an endpoint unhealthy.', 5),
  healthyThreshold: maybe(count, 'Successes in a row that make it healthy again.', 1),
  initialJitter: maybe(duration, 'Most by which the first probe is put off, at random.'),
  intervalJitter: maybe(duration, 'Most that is added to an interval, at random.'),
  intervalJitterPercent: maybe(wholePercent, 'The same, in percent of the interval.'),
  healthyPanicThreshold: maybe(
    percent,
    'With fewer healthy endpoints than this percentage all are used (2.x; MeshCircuitBreaker in 3.0).',
    50,
  ),
  failTrafficOnPanic: maybe(flag, 'Then use none instead.', false),
  eventLogPath: maybe(filePath, 'File that changes of health are written to.'),
  alwaysLogHealthCheckFailures: maybe(flag, 'Write every failure, not only the first.', false),
  noTrafficInterval: maybe(span, 'Between two probes while nobody calls.', '60s'),
  reuseConnection: maybe(flag, 'Keep the connection between probes.', true),
  tcp: maybe(
    map({
      disabled,
      send: maybe(base64, 'Bytes to send, in base64; nothing: connecting is enough.'),
      receive: maybe(list(base64), 'Bytes that must come, in this order, in base64.'),
    }),
    'Probe by connecting; also for HTTP and gRPC where their own is disabled.',
  ),
  http: maybe(
    map({
      disabled,
      path: maybe(urlPath, 'Path of the request.', '/'),
      requestHeadersToAdd: maybe(headerAdditions, 'Headers of the request.'),
      expectedStatuses: maybe(list(status), 'Statuses of health; 200 by default.'),
    }),
    'Probe by a GET request, for destinations that speak HTTP.',
  ),
  grpc: maybe(
    map({
      disabled,
      serviceName: maybe(text, 'Service that is asked about; the server as a whole by default.'),
      authority: maybe(text, '`:authority` of the request; the name of the cluster by default.'),
    }),
    'Probe by grpc.health.v1, for destinations that speak gRPC.',
  ),
})
export const meshHealthCheckConf = someOf(['tcp', 'http', 'grpc'], conf)
export type MeshHealthCheckConf = v.InferOutput<typeof meshHealthCheckConf>
/** Kuma `MeshHealthCheck`. */
export const meshHealthCheck = trafficPolicy('Probes of endpoints.', {
  to: toList(meshHealthCheckConf),
})
