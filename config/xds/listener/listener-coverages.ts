import { corsCoverages } from '../filters/cors.ts'
import { faultCoverages } from '../filters/fault.ts'
import { headerMutationCoverages } from '../filters/header-mutation.ts'
import { filterCoverages } from '../filters/http-filters.ts'
import { rateLimitCoverages } from '../filters/local-rate-limit.ts'
import { matcherCoverages } from '../filters/matcher.ts'
import { rbacCoverages } from '../filters/rbac.ts'
import { rbacFactCoverages } from '../filters/rbac-facts.ts'
import { rbacPolicyCoverages } from '../filters/rbac-policy.ts'
import { skipCoverages } from '../filters/skip-filter.ts'
import type { Coverage } from '../reading/coverage.ts'
import { hashCoverages } from '../route/hash-policy.ts'
import { headerCoverages } from '../route/header-changes.ts'
import { retryCoverages } from '../route/retry-policy.ts'
import { routeCoverages } from '../route/route.ts'
import { actionCoverages } from '../route/route-action.ts'
import { routeFilterCoverages } from '../route/route-filters.ts'
import { routeMatchCoverages } from '../route/route-match.ts'
import { tableCoverages } from '../route/route-table.ts'
import { logCoverages } from '../telemetry/access-log.ts'
import { collectorCoverages } from '../telemetry/collector.ts'
import { logFilterCoverages } from '../telemetry/log-filter.ts'
import { formatCoverages } from '../telemetry/log-format.ts'
import { otlpCoverages } from '../telemetry/otlp-log.ts'
import { tracingCoverages } from '../telemetry/tracing.ts'
import { chainMatchCoverages } from './chain-match.ts'
import { chainCoverages } from './filter-chain.ts'
import { managerCoverages } from './http-connection-manager.ts'
import { listenerCoverages as ownListenerCoverages } from './listener.ts'
import { managerOptionsCoverages } from './manager-options.ts'
import { networkCoverages } from './network-filters.ts'
import { tcpCoverages } from './tcp-proxy.ts'

/** What is made of listeners and route tables, TLS aside: the messages from the outermost in. */
export const listenerCoverages: readonly Coverage[] = [
  ...ownListenerCoverages,
  ...chainCoverages,
  ...chainMatchCoverages,
  ...networkCoverages,
  ...tcpCoverages,
  ...managerCoverages,
  ...managerOptionsCoverages,
  ...filterCoverages,
  ...skipCoverages,
  ...rbacCoverages,
  ...rbacFactCoverages,
  ...rbacPolicyCoverages,
  ...matcherCoverages,
  ...rateLimitCoverages,
  ...faultCoverages,
  ...corsCoverages,
  ...headerMutationCoverages,
  ...tableCoverages,
  ...routeCoverages,
  ...routeFilterCoverages,
  ...routeMatchCoverages,
  ...actionCoverages,
  ...headerCoverages,
  ...retryCoverages,
  ...hashCoverages,
  ...logCoverages,
  ...logFilterCoverages,
  ...formatCoverages,
  ...otlpCoverages,
  ...tracingCoverages,
  ...collectorCoverages,
]
