import { readFile } from 'node:fs/promises'
import type { Reply } from './reply.ts'

const types = {
  'index.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
} as const

/** A file of the front page, from the folder `page` beside this module. */
export async function pageFile(name: keyof typeof types): Promise<Reply> {
  const body = await readFile(new URL(`./page/${name}`, import.meta.url), 'utf8')
  return { status: 200, type: types[name], body }
}
