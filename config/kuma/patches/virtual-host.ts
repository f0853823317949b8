import type { VirtualHost } from '../../../proxy/model/route.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { addedHeaders, headersPolicy, removedHeaders } from './headers.ts'
import type { Apply } from './values.ts'

/** The policy on every route, after those it has. */
function onRoutes(host: VirtualHost, policy: PolicyConfig | null): VirtualHost | null {
  if (policy === null) return null
  const routes = host.routes.map((route) => ({ ...route, policies: [...route.policies, policy] }))
  return { ...host, routes }
}

/** Fields of `envoy.config.route.v3.VirtualHost` that have an equal. */
export const virtualHostFields: Readonly<Record<string, Apply<VirtualHost>>> = {
  requestHeadersToAdd: (host, value) => onRoutes(host, headersPolicy(addedHeaders(value), [])),
  requestHeadersToRemove: (host, value) => onRoutes(host, headersPolicy(removedHeaders(value), [])),
  responseHeadersToAdd: (host, value) => onRoutes(host, headersPolicy([], addedHeaders(value))),
  responseHeadersToRemove: (host, value) =>
    onRoutes(host, headersPolicy([], removedHeaders(value))),
}
