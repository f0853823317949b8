import type { Case } from './case.ts'
import { headers } from './cases/headers.ts'
import { matching } from './cases/matching.ts'
import { rewriting } from './cases/rewriting.ts'

/** All of them, in the order in which they are run. */
export const cases: readonly Case[] = [...matching, ...rewriting, ...headers]
