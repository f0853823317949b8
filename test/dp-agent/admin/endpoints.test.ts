import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { adminReference, endpoints } from '../../../dp-agent/admin/endpoints.ts'

const page = new URL('../../../docs/admin.md', import.meta.url)

t.test('admin: docs/admin.md is what the table of endpoints says', async (t) => {
  const text = adminReference()
  if (process.env.UPDATE === '1') writeFileSync(page, text)
  t.equal(readFileSync(page, 'utf8'), text, 'UPDATE=1 writes it anew')
})

t.test('admin: no method and path stand twice in the table', async (t) => {
  const keys = endpoints.map(({ method, path }) => `${method} ${path}`)
  t.equal(new Set(keys).size, keys.length)
})
