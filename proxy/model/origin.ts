/** Where a resource came from; for logs, metrics and messages. Nothing branches on it. */
export interface Origin {
  /** `kuma-files`, `xds`, `feed`, `library` … */
  readonly source: string
  /** The name its author knows, as in `MeshHTTPRoute/split (mesh/routes.yaml:12)`. */
  readonly name: string
  readonly version: string
}
