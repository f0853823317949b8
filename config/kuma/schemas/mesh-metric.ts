import type * as v from 'valibot'
import { collectorFields } from './parts.ts'
import { list, map, maybe, must, someOf, unsupported, word } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'
import { filled, flag, port, span, text, urlPath } from './values.ts'

const selectors = (about: string) =>
  maybe(
    list(
      map({
        type: must(word(['Prefix', 'Regex', 'Exact', 'Contains']), 'How names are compared.'),
        match: must(filled, 'What they are compared with.'),
      }),
    ),
    about,
  )

const sidecar = map({
  profiles: maybe(
    map({
      appendProfiles: maybe(
        list(map({ name: must(word(['All', 'Basic', 'None']), 'Which profile.') })),
        'Sets of metrics, the broadest counts; Basic by default.',
      ),
      exclude: selectors('What is left out of them.'),
      include: selectors('What is shown all the same.'),
    }),
    'Which of our own metrics.',
  ),
  includeUnused: maybe(flag, 'Show what never counted, too.', false),
})

const prometheus = map({
  clientId: unsupported(
    text,
    'it tells scrapers apart that ask a control plane for their targets; here they ask the sidecar',
  ),
  port: maybe(port, 'Port that is listened on.', 5_670),
  path: maybe(urlPath, 'Path of the page.', '/metrics'),
  tls: maybe(
    map({
      mode: maybe(
        word(['Disabled', 'ProvidedTLS', 'ActiveMTLSBackend']),
        'ProvidedTLS: with the certificate given to the agent. ActiveMTLSBackend: mutual TLS of the mesh.',
        'Disabled',
      ),
    }),
    'How the page is secured.',
  ),
})

const application = map({
  name: maybe(text, 'Name of it; the port by default.'),
  path: maybe(urlPath, 'Path of its page.', '/metrics'),
  address: maybe(filled, 'Address of it; that of the Dataplane by default.'),
  port: must(port, 'Port of it.'),
})

export const meshMetricConf = map({
  sidecar: maybe(sidecar, 'Metrics of the sidecar.'),
  applications: maybe(list(application), 'Applications whose metrics are shown with ours.'),
  backends: maybe(
    list(
      map({
        type: must(word(['Prometheus', 'OpenTelemetry']), 'Which of the other fields is given.'),
        prometheus: maybe(prometheus, 'A page to scrape.'),
        openTelemetry: maybe(
          someOf(
            ['endpoint', 'backendRef'],
            map({
              ...collectorFields,
              refreshInterval: maybe(span, 'Between two messages.', '60s'),
            }),
          ),
          'A collector to send to.',
        ),
      }),
    ),
    'Who gets them.',
  ),
})
export type MeshMetricConf = v.InferOutput<typeof meshMetricConf>
/** Kuma `MeshMetric`. */
export const meshMetric = proxyPolicy('Metrics of sidecar and application.', meshMetricConf)
