import { isRecord } from '../../proxy/problems.ts'

/** Settings as they were merged, and for each field the policy it came from. */
export interface Merged<From> {
  readonly conf: Readonly<Record<string, unknown>>
  /** By path inside the conf, as in `http.numRetries`; of an `append…` list by place, as in `appendMatch.0`. */
  readonly sources: ReadonlyMap<string, From>
}

/** One policy's word. */
export interface Part<From> {
  readonly conf: unknown
  readonly from: From
}

/** Structs that Kuma replaces as a whole: half a rate is no rate. */
const whole: readonly string[] = ['requestRate', 'connectionRate']

/**
 * Merges settings, later parts over earlier ones: maps field by field, scalars and lists replaced, fields called
 * `append…` concatenated. Null when there is no part. Source: RFC 7396; Kuma `MergeConfs`.
 */
export function merge<From>(parts: readonly Part<From>[]): Merged<From> | null {
  if (parts.length === 0) return null
  let conf: Record<string, unknown> = {}
  const sources = new Map<string, From>()
  for (const part of parts) {
    if (isRecord(part.conf)) conf = mergeMaps(conf, part.conf, '', part.from, sources)
  }
  return { conf, sources }
}

function mergeMaps<From>(
  below: Readonly<Record<string, unknown>>,
  above: Readonly<Record<string, unknown>>,
  path: string,
  from: From,
  sources: Map<string, From>,
): Record<string, unknown> {
  const out: Record<string, unknown> = { ...below }
  for (const [key, value] of Object.entries(above)) {
    if (value === undefined) continue
    const at = path === '' ? key : `${path}.${key}`
    const old = out[key]
    if (isRecord(value) && !whole.includes(key)) {
      out[key] = mergeMaps(isRecord(old) ? old : {}, value, at, from, sources)
      // An empty map says something too: a detector that is there, with its defaults.
      if (Object.keys(value).length > 0) sources.delete(at)
      else if (old === undefined) sources.set(at, from)
      continue
    }
    if (key.startsWith('append') && Array.isArray(value)) {
      const first = Array.isArray(old) ? old : []
      out[key] = [...first, ...value]
      for (const index of value.keys()) sources.set(`${at}.${first.length + index}`, from)
    } else {
      out[key] = value
      if (isRecord(old)) forget(`${at}.`, sources)
      sources.set(at, from)
    }
  }
  return out
}

/** Fields of a map that a value has taken the place of. */
function forget(prefix: string, sources: Map<string, unknown>): void {
  for (const path of sources.keys()) if (path.startsWith(prefix)) sources.delete(path)
}
