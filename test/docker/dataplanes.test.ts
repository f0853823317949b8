import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { validate } from '../../config/validate.ts'

const root = join(import.meta.dirname, '../..')
const demo = join(root, 'config/demo')
const dataplanes = join(root, 'docker/dataplanes.yaml')

interface ComposeService {
  readonly command?: readonly string[]
  readonly network_mode?: string
  readonly networks?: { readonly mesh: { readonly ipv4_address: string } }
  readonly volumes?: readonly string[]
}

const { services } = parse(readFileSync(join(root, 'docker/compose.yaml'), 'utf8'), {
  merge: true,
}) as { readonly services: Readonly<Record<string, ComposeService>> }

t.test('compose: its dataplanes go with the rest of the demo', async (t) => {
  const rest = readdirSync(demo).filter((name) => name !== 'dataplanes.yaml')
  t.same(validate([dataplanes, ...rest.map((name) => join(demo, name))]).problems, [])
})

t.test(
  'compose: a dataplane has the address of its container and a sidecar in its network',
  async (t) => {
    const documents = readFileSync(dataplanes, 'utf8').split(/^---$/m)
    const found = documents.map((text) => parse(text))
    t.equal(found.length, 5)
    for (const { name, networking } of found) {
      t.equal(services[name]?.networks?.mesh.ipv4_address, networking.address, name)
      const sidecar = services[`${name}-sidecar`]
      t.equal(sidecar?.network_mode, `service:${name}`)
      t.ok(sidecar?.command?.includes(name))
    }
  },
)

t.test('compose: a sidecar sees the identity of its own service, and none the CA', async (t) => {
  for (const [name, { volumes = [] }] of Object.entries(services)) {
    if (name === 'pki') continue
    const service = name.split('-')[0]
    const secret = volumes.filter((volume) => !/^\.{1,2}\//.test(volume))
    t.same(secret, name.endsWith('-sidecar') ? [`identity-${service}:/identity:ro`] : [], name)
  }
})
