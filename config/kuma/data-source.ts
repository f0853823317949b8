import { readFileSync } from 'node:fs'
import type * as v from 'valibot'
import type { dataSource } from './schemas/parts.ts'

export type DataSource = v.InferOutput<typeof dataSource>

/**
 * The text of a key or certificate, as it is now: `inline` is base64, as in Kuma, and a file is read whenever the resources
 * are. Null when it is in a place that only a control plane can look into, or cannot be read.
 */
export function textOf({ inline, inlineString, insecureInline, file }: DataSource): string | null {
  if (inlineString !== undefined) return inlineString
  if (insecureInline !== undefined) return insecureInline.value
  const encoded = typeof inline === 'object' ? inline.value : inline
  if (encoded !== undefined) return Buffer.from(encoded, 'base64').toString('utf8')
  const path = typeof file === 'object' ? file.path : file
  return path === undefined ? null : readText(path)
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
