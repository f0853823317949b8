import type * as v from 'valibot'
import { resource } from './parts.ts'
import { must } from './shapes.ts'
import { base64 } from './values.ts'

/** Kuma `Secret`: what certificates and keys name it by; of its mesh alone. */
export const secret = resource('A key or certificate that other resources name.', {
  data: must(base64, 'PEM in base64.'),
})
export type SecretBody = v.InferOutput<typeof secret>
