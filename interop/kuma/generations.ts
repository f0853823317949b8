import type { Generation } from './generation.ts'
import { kuma3 } from './three.ts'
import { kuma2 } from './two.ts'
import { kuma2Services } from './two-services.ts'

/** The generation of a version such as `2.14.3`; one of 2.x can do without services by tags. */
export function generationOf(version: string, meshServices: boolean): Generation {
  if (Number.parseInt(version, 10) >= 3) return kuma3
  return meshServices ? kuma2Services : kuma2
}
