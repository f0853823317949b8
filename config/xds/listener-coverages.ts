import { logCoverages } from './access-log.ts'
import { chainMatchCoverages } from './chain-match.ts'
import { collectorCoverages } from './collector.ts'
import type { Coverage } from './coverage.ts'
import { faultCoverages } from './fault.ts'
import { chainCoverages } from './filter-chain.ts'
import { hashCoverages } from './hash-policy.ts'
import { headerCoverages } from './header-changes.ts'
import { headerMutationCoverages } from './header-mutation.ts'
import { managerCoverages } from './http-connection-manager.ts'
import { filterCoverages } from './http-filters.ts'
import { listenerCoverages as ownListenerCoverages } from './listener.ts'
import { rateLimitCoverages } from './local-rate-limit.ts'
import { logFilterCoverages } from './log-filter.ts'
import { formatCoverages } from './log-format.ts'
import { managerOptionsCoverages } from './manager-options.ts'
import { matcherCoverages } from './matcher.ts'
import { networkCoverages } from './network-filters.ts'
import { otlpCoverages } from './otlp-log.ts'
import { rbacCoverages } from './rbac.ts'
import { rbacPolicyCoverages } from './rbac-policy.ts'
import { retryCoverages } from './retry-policy.ts'
import { routeCoverages } from './route.ts'
import { actionCoverages } from './route-action.ts'
import { routeFilterCoverages } from './route-filters.ts'
import { routeMatchCoverages } from './route-match.ts'
import { tableCoverages } from './route-table.ts'
import { skipCoverages } from './skip-filter.ts'
import { tcpCoverages } from './tcp-proxy.ts'
import { tracingCoverages } from './tracing.ts'

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
  ...rbacPolicyCoverages,
  ...matcherCoverages,
  ...rateLimitCoverages,
  ...faultCoverages,
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
