import { isRecord, join, type Raw } from '../../../proxy/problems.ts'

/** Something about one resource that a control plane or an operator should know. */
export interface Finding {
  /** Inside the resource, as in `filter_chains[0].filters[1].typed_config.rds`. */
  readonly path: string
  readonly message: string
  /** What to do about it; null when the message says it all. */
  readonly hint: string | null
  /** An error refuses the resource; a warning is counted, and changes nothing. */
  readonly severity: 'error' | 'warning'
}

/** Gathers what a translation finds. */
export interface Report {
  readonly findings: Finding[]
}

export const newReport = (): Report => ({ findings: [] })

export const refused = ({ findings }: Report): boolean =>
  findings.some(({ severity }) => severity === 'error')

/** One message of a resource, with its path and where to say what is wrong with it. */
export interface Place {
  /** As `decodeMessage` gives them. */
  readonly fields: Raw
  readonly path: string
  readonly report: Report
}

/** The whole of a resource. */
export const placeOf = (fields: Raw, report: Report): Place => ({ fields, path: '', report })

/** Reports an error at a field; an empty key means the message itself. */
export function fail({ path, report }: Place, key: string, message: string, hint?: string): void {
  report.findings.push(finding(path, key, message, hint, 'error'))
}

export function warn({ path, report }: Place, key: string, message: string, hint?: string): void {
  report.findings.push(finding(path, key, message, hint, 'warning'))
}

const finding = (
  path: string,
  key: string,
  message: string,
  hint: string | undefined,
  severity: Finding['severity'],
): Finding => ({ path: key === '' ? path : join(path, key), message, hint: hint ?? null, severity })

/** The message in a field; null when it is absent. */
export function inside(place: Place, key: string): Place | null {
  const value = place.fields[key]
  return isRecord(value)
    ? { fields: value, path: join(place.path, key), report: place.report }
    : null
}

/** The message in a field; an empty one where it is absent. */
export const insideOrEmpty = (place: Place, key: string): Place =>
  inside(place, key) ?? { fields: {}, path: join(place.path, key), report: place.report }

/** The messages of a list, each at its own path. */
export function each(place: Place, key: string): readonly Place[] {
  const value = place.fields[key]
  if (!Array.isArray(value)) return []
  const at = join(place.path, key)
  return value
    .map((fields, index) => ({ fields, path: `${at}[${index}]`, report: place.report }))
    .filter((one) => isRecord(one.fields))
}

/** The messages of a map, by key. */
export function entries(place: Place, key: string): readonly (readonly [string, Place])[] {
  const map = inside(place, key)
  if (map === null) return []
  return Object.keys(map.fields).flatMap((name) => {
    const entry = inside(map, name)
    return entry === null ? [] : [[name, { ...entry, path: `${map.path}[${name}]` }] as const]
  })
}
