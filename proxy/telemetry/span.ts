import type { Exchange } from '../exchange.ts'
import { header } from '../headers.ts'
import { formatFlags } from './response-flags.ts'
import type { SpanRecord, Trace } from './tracing.ts'

/** Longest text of an attribute; what is longer is cut. Envoy: `max_path_tag_length`. */
const maxText = 256
/** Methods that may stand in a span's name; a caller's own inventions may not. */
const knownMethods: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE'],
])

/**
 * The span of a finished exchange. Attributes follow OpenTelemetry's HTTP semantic conventions where there is one, else
 * Envoy's names. No query and no header but the configured ones: either may hold secrets.
 */
export function serverSpan(x: Exchange, trace: Trace): SpanRecord {
  const attributes = requestAttributes(x)
  attributes['server.address'] = cut(x.authority)
  attributes['client.address'] = x.connection.remoteAddress
  attributes['guid:x-request-id'] = cut(x.requestId)
  if (x.status !== 0) attributes['http.response.status_code'] = x.status
  attributes.response_flags = formatFlags(x.flags)
  const peer = x.connection.tls?.peer?.spiffeId
  if (typeof peer === 'string') attributes['peer.identity'] = peer
  for (const { name, value } of trace.tracing.tags) {
    const text =
      value.kind === 'literal'
        ? value.value
        : (header(x.requestHeaders, value.name.toLowerCase()) ?? value.default)
    if (text !== null) attributes[name] = cut(text)
  }
  const error = x.status >= 500 || (x.status === 0 && x.flags !== 0)
  return record(x, trace, 'server', x.startedAt, x.endedAt, error, attributes)
}

/** The span of a try that has just ended; `now` is `clock.now()`. */
export function clientSpan(x: Exchange, trace: Trace, now: number): SpanRecord {
  const attributes = requestAttributes(x)
  if (x.endpoint !== null) {
    attributes['server.address'] = x.endpoint.hostname
    attributes['server.port'] = x.endpoint.port
    attributes.upstream_address = x.endpoint.key
  }
  if (x.attempts > 1) attributes['http.request.resend_count'] = x.attempts - 1
  if (x.tryStatus !== 0) attributes['http.response.status_code'] = x.tryStatus
  attributes.response_flags = formatFlags(x.tryFlags)
  const error = x.tryStatus >= 400 || x.tryStatus === 0
  return record(x, trace, 'client', trace.tryStartedAt, now, error, attributes)
}

function requestAttributes(x: Exchange): Record<string, string | number> {
  const query = x.path.indexOf('?')
  const attributes: Record<string, string | number> = {
    'http.request.method': cut(x.method),
    'url.path': cut(query < 0 ? x.path : x.path.slice(0, query)),
    'url.scheme': x.scheme,
    'network.protocol.version': x.protocol.slice(5),
  }
  if (x.cluster !== null) attributes.upstream_cluster = x.cluster.name
  return attributes
}

function record(
  x: Exchange,
  trace: Trace,
  kind: SpanRecord['kind'],
  start: number,
  end: number,
  error: boolean,
  attributes: SpanRecord['attributes'],
): SpanRecord {
  const { serviceName, exporter } = trace.tracing
  const server = kind === 'server'
  return {
    traceId: trace.traceId,
    spanId: server ? trace.spanId : trace.trySpanId,
    parentId: server ? trace.parentId : trace.spanId,
    name: spanName(x),
    kind,
    startMs: trace.epoch + start,
    endMs: trace.epoch + end,
    error,
    shared: server && trace.shared,
    attributes,
    serviceName,
    exporter,
  }
}

/** `GET checkout`: the method and the route's name. Never anything a caller can vary without end. */
function spanName(x: Exchange): string {
  const method = knownMethods.has(x.method) ? x.method : 'HTTP'
  const route = x.route?.name ?? '-'
  return route === '-' || route === '' ? method : `${method} ${route}`
}

const cut = (text: string): string => (text.length > maxText ? text.slice(0, maxText) : text)
