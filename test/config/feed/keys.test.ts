import t from 'tap'
import { holdsKeys } from '../../../config/feed/keys.ts'
import { type FeedFormat, type FeedItem, keyOf } from '../../../config/feed/messages.ts'

const holds = (format: FeedFormat, item: FeedItem): boolean =>
  holdsKeys({ version: '1', format, resources: new Map([[String(keyOf(format, item)), item]]) })

t.test('feed keys: a state with private keys is known as one', async (t) => {
  const external = (clientKey: object) => ({
    type: 'MeshExternalService',
    name: 'x',
    spec: { tls: { verification: clientKey } },
  })
  t.equal(holds('model', { collection: 'secrets', name: 'x' }), true)
  t.equal(holds('model', { collection: 'clusters', name: 'secrets' }), false)
  t.equal(holds('kuma', { type: 'Secret', name: 'x', data: '' }), true)
  t.equal(holds('kuma', external({ clientKey: { inlineString: '' } })), true)
  t.equal(holds('kuma', external({ caCert: { inlineString: '' } })), false)
  t.equal(holds('kuma', { type: 'Mesh', name: 'x' }), false)
})
