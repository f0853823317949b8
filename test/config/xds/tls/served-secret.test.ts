import t from 'tap'
import { readServedName, servedName } from '../../../../config/xds/tls/served-secret.ts'

t.test('served secret: its name is read as it was written, whatever is in it', async (t) => {
  for (const name of ['default', 'spiffe://a/b', 'x{sds=other}', '{', 'a\nb']) {
    for (const cluster of ['spire', 'a{b}%c', '%7B', 'x=y']) {
      for (const delta of [true, false]) {
        const secret = { name, server: { cluster, delta } }
        t.same(readServedName(servedName(secret)), secret)
      }
    }
  }
  const names = [servedName({ name: 'a', server: { cluster: 'b', delta: false } }), 'a{sds=b}']
  t.same(names[0], names[1])
  for (const other of ['default', 'backend/certificate', 'a{b=c}', '{sds=b', 'a{sds=b}c']) {
    t.equal(readServedName(other), null)
  }
})
