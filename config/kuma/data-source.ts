import { readFileSync } from 'node:fs'
import type * as v from 'valibot'
import { didYouMean } from '../nearest.ts'
import type { MeshView } from './mesh-view.ts'
import { namesOf } from './names.ts'
import type { Resource } from './resources.ts'
import type { MeshExternalServiceBody } from './schemas/destinations.ts'
import type { dataSource } from './schemas/parts.ts'

export type DataSource = v.InferOutput<typeof dataSource>

/** What a source holds, as it is now, or why nothing can be had of it. */
export type Read =
  | { readonly text: string }
  | { readonly text: null; readonly problem: string; readonly hint: string | null }

/** Reads a key or certificate: what is `inline`, or in a Secret, is base64, as in Kuma. */
export function readSource(source: DataSource, view: MeshView): Read {
  const { inline, inlineString, insecureInline, secret, secretRef, envVar } = source
  if (inlineString !== undefined) return { text: inlineString }
  if (insecureInline !== undefined) return { text: insecureInline.value }
  const encoded = typeof inline === 'object' ? inline.value : inline
  if (encoded !== undefined) return { text: decoded(encoded) }
  const path = pathOf(source)
  if (path !== null) return readText(path)
  if (envVar !== undefined) return readVariable(envVar.name, view)
  const name = secret ?? secretRef?.name
  if (name !== undefined) return readSecret(name, view)
  return { text: null, problem: 'says nothing', hint: 'give it as inline, file, secret or envVar' }
}

/** The same for those who know that it can be read. */
export const textOf = (source: DataSource, view: MeshView): string | null =>
  readSource(source, view).text

/** The files that certificates and keys of the resources are in. */
export const filesOf = (resources: readonly Resource[]): readonly string[] =>
  resources.filter(isExternal).flatMap(({ body }) =>
    certificateFields.flatMap((field) => {
      const source = verificationOf(body)[field]
      return source === undefined ? [] : (pathOf(source) ?? [])
    }),
  )

const isExternal = (resource: Resource): resource is Resource<'MeshExternalService'> =>
  resource.kind === 'MeshExternalService'

export const certificateFields = ['caCert', 'clientCert', 'clientKey'] as const

/** What the server's certificate must say, and what we show; nothing by default. */
export const verificationOf = ({ spec }: MeshExternalServiceBody) => spec.tls?.verification ?? {}

const pathOf = ({ file }: DataSource): string | null =>
  (typeof file === 'object' ? file.path : file) ?? null

const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8')

function readText(path: string): Read {
  try {
    return { text: readFileSync(path, 'utf8') }
  } catch (error) {
    const hint = error instanceof Error && 'code' in error ? String(error.code) : null
    return { text: null, problem: `the file ${path} cannot be read`, hint }
  }
}

function readVariable(name: string, { environment }: MeshView): Read {
  const text = environment[name]
  if (text !== undefined) return { text }
  const hint = 'the environment is that in which Outrider is started'
  return { text: null, problem: `the environment has no ${name}`, hint }
}

function readSecret(name: string, view: MeshView): Read {
  const found = view.all('Secret').find((secret) => secret.name === name)
  if (found !== undefined) return { text: decoded(found.body.data) }
  const hint = didYouMean(name, namesOf(view, 'Secret')) ?? 'give a resource of type Secret'
  return { text: null, problem: `no Secret ${name} is known`, hint }
}
