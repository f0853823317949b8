/** What a metric is. Names are Envoy's stems; the scope gives the prefix and the label (`envoy_cluster_…{envoy_cluster_name}`). */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** How the numbers of several workers become one: added, or, where each sees the same fact, the largest. */
  readonly merge: 'sum' | 'max'
}

export const counter = (help: string) => ({ type: 'counter', help, merge: 'sum' }) as const
export const gauge = (help: string) => ({ type: 'gauge', help, merge: 'sum' }) as const
export const histogram = (help: string) => ({ type: 'histogram', help, merge: 'sum' }) as const
/** A gauge or counter of something that is not divided among the workers: each of them counts all of it. */
export const sharedGauge = (help: string) => ({ type: 'gauge', help, merge: 'max' }) as const
export const sharedCounter = (help: string) => ({ type: 'counter', help, merge: 'max' }) as const
