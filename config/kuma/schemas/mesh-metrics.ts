import type * as v from 'valibot'
import { list, map, maybe, must, unsupported, word } from './shapes.ts'
import { filled, flag, port, stringMap, text, urlPath } from './values.ts'

const aggregate = map({
  name: must(filled, 'Name of the application.'),
  address: maybe(filled, 'Address of it; that of the Dataplane by default.'),
  port: must(port, 'Port of it.'),
  path: maybe(urlPath, 'Path of its page.', '/metrics'),
  enabled: maybe(flag, 'Whether it is asked.', true),
})

/** How Prometheus may scrape a proxy, as Mesh and Dataplane of 2.x say it. */
const metricsConf = map({
  port: maybe(port, 'Port that is listened on.', 5_670),
  path: maybe(urlPath, 'Path of the page.', '/metrics'),
  tags: unsupported(stringMap, 'no control plane tells Prometheus of us'),
  skipMTLS: maybe(flag, 'Plaintext, also where mutual TLS is on.', false),
  tls: maybe(
    map({
      mode: maybe(
        word(['activeMTLSBackend', 'providedTLS', 'disabled']),
        'How the page is secured.',
        'activeMTLSBackend',
      ),
    }),
    'How the page is secured.',
  ),
  aggregate: maybe(list(aggregate), 'Applications whose metrics are shown with ours.'),
  envoy: maybe(
    map({
      filterRegex: maybe(text, 'Only our metrics whose name matches.'),
      usedOnly: maybe(flag, 'Leave out what never counted.', false),
    }),
    'Which of our own metrics.',
  ),
})
export type MetricsConf = v.InferOutput<typeof metricsConf>

/** One way to get at metrics; there is no other than Prometheus. */
export const metricsBackend = map({
  name: maybe(filled, 'Name of the backend.'),
  type: must(word(['prometheus']), 'Who scrapes.'),
  conf: maybe(metricsConf, 'Settings.'),
})

/** `Mesh.metrics` of 2.x. */
export const meshMetrics = map({
  enabledBackend: maybe(text, 'Name of the backend in use; none: no metrics.'),
  backends: maybe(list(metricsBackend), 'Ways to get at metrics.'),
})
