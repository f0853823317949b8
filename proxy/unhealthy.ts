/** Why an endpoint may not be picked; bits of `Endpoint.unhealthy`, 0 means it may. */
export const unhealthyBits = {
  /** The source says so (EDS health, NotReady inbound). */
  bySource: 1,
  /** Active probes fail. */
  byProbe: 2,
  /** Ejected by outlier detection. */
  byOutlier: 4,
  /** It refused its last connection, or said that it is leaving: see `upstream/rest.ts`. */
  byConnection: 8,
} as const
