import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { kinds, schemaOf, schemaOfAll } from '../support/json-schema.ts'

const directory = new URL('../../config/schema/', import.meta.url)
if (process.env.UPDATE === '1') mkdirSync(directory, { recursive: true })

const files = new Map([
  ...kinds.map((kind) => [`${kind}.json`, schemaOf(kind)] as const),
  ['resource.json', schemaOfAll()] as const,
])

t.test('schema: the files for editors are what resources are checked with', async (t) => {
  for (const [name, schema] of files) {
    const file = new URL(name, directory)
    const text = `${JSON.stringify(schema, null, 2)}\n`
    if (process.env.UPDATE === '1') writeFileSync(file, text)
    const written = existsSync(file) ? readFileSync(file, 'utf8') : ''
    t.ok(written === text, `config/schema/${name} is old: npm run schema`)
  }
  t.same(readdirSync(directory).sort(), [...files.keys()].sort(), 'no file is left over')
})

t.test('schema: every field says what it is for', async (t) => {
  const silent: string[] = []
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    const { properties, items } = value as Record<string, unknown>
    visit(items, `${path}[]`)
    for (const [key, field] of Object.entries(properties ?? {})) {
      if (!field.description) silent.push(`${path}.${key}`)
      visit(field, `${path}.${key}`)
    }
  }
  for (const kind of kinds) visit(schemaOf(kind), kind)
  t.same(silent, [])
})
