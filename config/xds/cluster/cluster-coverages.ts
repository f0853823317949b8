import { sourceCoverages } from '../reading/config-source.ts'
import type { Coverage } from '../reading/coverage.ts'
import { secretCoverages } from '../tls/secret.ts'
import { tlsCoverages } from '../tls/tls.ts'
import { commonTlsCoverages } from '../tls/tls-common.ts'
import { tlsParameterCoverages } from '../tls/tls-parameters.ts'
import { validationCoverages } from '../tls/tls-validation.ts'
import { algorithmCoverages } from './algorithms.ts'
import { balancerCoverages } from './balancer.ts'
import { balancingPolicyCoverages } from './balancing-policy.ts'
import { breakerCoverages } from './circuit-breakers.ts'
import { ownClusterCoverages } from './cluster.ts'
import { discoveryCoverages } from './cluster-discovery.ts'
import { protocolCoverages } from './cluster-protocol.ts'
import { clusterTlsCoverages } from './cluster-tls.ts'
import { endpointCoverages } from './endpoint-group.ts'
import { healthCheckCoverages } from './health-check.ts'
import { outlierCoverages } from './outlier-detection.ts'
import { subsetCoverages } from './subsets.ts'

/** What is made of clusters, their endpoints, secrets and TLS on both sides: the messages from the outermost in. */
export const clusterCoverages: readonly Coverage[] = [
  ...ownClusterCoverages,
  ...discoveryCoverages,
  ...balancerCoverages,
  ...balancingPolicyCoverages,
  ...algorithmCoverages,
  ...subsetCoverages,
  ...breakerCoverages,
  ...outlierCoverages,
  ...healthCheckCoverages,
  ...protocolCoverages,
  ...clusterTlsCoverages,
  ...endpointCoverages,
  ...secretCoverages,
  ...tlsCoverages,
  ...commonTlsCoverages,
  ...tlsParameterCoverages,
  ...validationCoverages,
  ...sourceCoverages,
]
