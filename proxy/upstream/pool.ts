/** The connections to one endpoint. */
export interface Pool {
  readonly size: number
}
