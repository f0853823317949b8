import fc from 'fast-check'
import t from 'tap'
import { checkModel } from '../../../config/xds/client/model-check.ts'
import type { ResourceKind } from '../../../config/xds/client/resource-type.ts'
import { translateCluster } from '../../../config/xds/cluster/cluster.ts'
import { translateEndpoints } from '../../../config/xds/cluster/endpoint-group.ts'
import { newReport, placeOf } from '../../../config/xds/reading/report.ts'
import type { Translators } from '../../../config/xds/reading/translate.ts'
import { translateSecret } from '../../../config/xds/tls/secret.ts'
import { isRecord } from '../../../proxy/problems.ts'
import { messages, newOracle } from '../../support/envoy-messages.ts'
import { bareContext } from '../../support/translation.ts'

const oracle = newOracle()

function property<K extends ResourceKind>(
  kind: K,
  message: string,
  translate: Translators[K],
): void {
  t.test(`xds: no ${message} makes its translation or the check after it throw`, async () => {
    fc.assert(
      fc.property(messages(oracle, message), (fields) => {
        if (!isRecord(fields)) return
        checkModel(kind, translate(placeOf(fields, newReport()), bareContext))
      }),
      { numRuns: 500 },
    )
  })
}

property('clusters', 'envoy.config.cluster.v3.Cluster', translateCluster)
property('endpoints', 'envoy.config.endpoint.v3.ClusterLoadAssignment', translateEndpoints)
property('secrets', 'envoy.extensions.transport_sockets.tls.v3.Secret', translateSecret)
