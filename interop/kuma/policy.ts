import type { Resource } from './control-plane.ts'

/** A policy of the checks: they share one name, so that the next of a type replaces the one before. */
export const policy = (type: string, spec: object): Resource => ({
  type,
  mesh: 'default',
  name: 'interop',
  spec,
})
