/** What an exchange carries of its trace. */
export interface Trace {
  readonly traceId: string
  /** Of our server span. */
  readonly spanId: string
  readonly parentId: string | null
  readonly sampled: boolean
}
