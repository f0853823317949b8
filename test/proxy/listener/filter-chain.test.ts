import t from 'tap'
import { type Chain, chooseChain } from '../../../proxy/listener/filter-chain.ts'
import type { Arrival } from '../../../proxy/listener/inspect.ts'
import type { ChainMatch } from '../../../proxy/model/listener.ts'
import { chain } from '../../support/snapshot.ts'

const config = (name: string, match: Partial<ChainMatch>) => {
  const plain = chain({ name })
  return { config: { ...plain, match: { ...plain.match, ...match } } } as Chain
}
const arrival = (over: Partial<Arrival>): Arrival => ({
  transport: 'tls',
  sni: null,
  alpn: [],
  bytes: Buffer.alloc(0),
  ...over,
})

t.test('filter chain: the first that matches serves', async (t) => {
  const chains = [
    config('kuma', { transport: 'tls', alpn: ['kuma'] }),
    config('named', { serverNames: ['*.mesh'] }),
    config('raw', { transport: 'raw' }),
  ]
  const chosen = (over: Partial<Arrival>) => chooseChain(chains, arrival(over))?.config.name
  t.equal(chosen({ alpn: ['h2', 'kuma'], sni: 'a.mesh' }), 'kuma')
  t.equal(chosen({ sni: 'a.mesh' }), 'named')
  t.equal(chosen({ sni: 'mesh' }), undefined)
  t.equal(chosen({ transport: 'raw' }), 'raw')
})

t.test('filter chain: of chains that differ by protocol, the caller’s first choice', async (t) => {
  const chains = [
    config('old', { transport: 'tls', alpn: ['http/1.1'] }),
    config('new', { transport: 'tls', alpn: ['h2'] }),
    config('rest', { transport: 'tls' }),
  ]
  const chosen = (...alpn: string[]) => chooseChain(chains, arrival({ alpn }))?.config.name
  t.equal(chosen('h2', 'http/1.1'), 'new')
  t.equal(chosen('http/1.1', 'h2'), 'old')
  t.equal(chosen('x', 'h2'), 'new')
  t.equal(chosen('x'), 'rest')
})
