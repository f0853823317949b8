import t from 'tap'
import { compiledOf } from '../../support/kuma.ts'
import { transparentMesh } from '../../support/transparent.ts'

const both = 'redirectPortInbound: 15006, redirectPortOutbound: 15001'
const dnsOf = (text: string) => compiledOf(text, 'web-1').settings.dns

t.test('dns: services with virtual addresses have their names answered', async (t) => {
  t.same(dnsOf(transparentMesh('', both)), {
    records: [
      { name: 'backend.svc.mesh.local', addresses: ['241.0.0.1', 'fd00:fd00::1'] },
      { name: 'outside.extsvc.mesh.local', addresses: ['242.0.0.1'] },
    ],
    ttlSeconds: 30,
  })
})

t.test('dns: names of a HostnameGenerator, too', async (t) => {
  const generator = `type: HostnameGenerator
name: shop
spec: {selector: {meshService: {matchLabels: {team: shop}}}, template: '{{ .Name }}.shop'}`
  t.match(dnsOf(transparentMesh(generator, both))?.records, [
    { name: 'backend.shop', addresses: ['241.0.0.1', 'fd00:fd00::1'] },
    { name: 'backend.svc.mesh.local' },
    { name: 'outside.extsvc.mesh.local' },
  ])
})

t.test('dns: addresses of a family that is not intercepted are not told', async (t) => {
  t.match(dnsOf(transparentMesh())?.records[0], { addresses: ['241.0.0.1'] })
  const six = dnsOf(transparentMesh('', `${both}, ipFamilyMode: IPv6`))
  t.same(six?.records, [{ name: 'backend.svc.mesh.local', addresses: ['fd00:fd00::1'] }])
})

t.test('dns: what may not be called has no name; without interception nothing has', async (t) => {
  t.same(dnsOf(transparentMesh('', `${both}, reachableBackends: {refs: []}`))?.records, [])
  const plain = transparentMesh()
    .replace(/^ *(transparentProxying|- \{address: 240).*\n/gm, '')
    .replace('{port: 8080, tags', '{port: 8080, servicePort: 9080, tags')
  t.equal(dnsOf(plain), null)
})
