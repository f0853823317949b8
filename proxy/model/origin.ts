import { join, type Problems, type Raw, recordOrNull, text } from '../problems.ts'

/** Where a resource came from; for logs, metrics and messages. Nothing branches on it. */
export interface Origin {
  /** `kuma-files`, `xds`, `feed`, `library` … */
  readonly source: string
  /** The name its author knows, as in `MeshHTTPRoute/split (mesh/routes.yaml:12)`. */
  readonly name: string
  readonly version: string
}

/** What every resource has. A resource given by a program needs no origin: its source is `library` then. */
export function checkIdentity(
  raw: Raw,
  problems: Problems,
): { readonly name: string; readonly origin: Origin } {
  const name = checkName(raw, 'name', '', problems)
  const given = recordOrNull(raw, 'origin', '', problems) ?? {}
  return {
    name,
    origin: {
      source: text(given, 'source', 'origin', problems, 'library'),
      name: text(given, 'name', 'origin', problems, name),
      version: text(given, 'version', 'origin', problems, ''),
    },
  }
}

/** A name that can stand in a log line and a metric label: not empty, one line. */
export function checkName(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  fallback?: string,
): string {
  const name = text(raw, key, path, problems, fallback)
  if (typeof raw[key] === 'string' && !/^[^\x00-\x1f\x7f]{1,1024}$/.test(name)) {
    problems.add(join(path, key), 'must have 1 to 1,024 characters and no line breaks')
  }
  return name
}
