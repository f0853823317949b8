import type { Case } from './case.ts'
import { callers } from './cases/callers.ts'
import { clusters } from './cases/clusters.ts'
import { connections } from './cases/connections.ts'
import { corsCases } from './cases/cors.ts'
import { forwarded } from './cases/forwarded.ts'
import { grpc } from './cases/grpc.ts'
import { headers } from './cases/headers.ts'
import { matching } from './cases/matching.ts'
import { strangePaths } from './cases/paths.ts'
import { permissions } from './cases/permissions.ts'
import { resilience } from './cases/resilience.ts'
import { rewriting } from './cases/rewriting.ts'

/** All of them, in the order in which they are run. */
export const cases: readonly Case[] = [
  ...matching,
  ...strangePaths,
  ...rewriting,
  ...headers,
  ...forwarded,
  ...resilience,
  ...clusters,
  ...callers,
  ...permissions,
  ...corsCases,
  ...connections,
  ...grpc,
]
