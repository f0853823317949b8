import fc from 'fast-check'
import t from 'tap'
import type { FeedItem, FeedProblem } from '../../../config/feed/messages.ts'
import { type FeedState, newSession } from '../../../config/feed/session.ts'

const node = { name: 'web', mesh: 'default', version: '1' }
const item = (name: string, more: object = {}): FeedItem => ({ type: 'Mesh', name, ...more })
const bad: FeedProblem = {
  resource: 'Mesh/bad',
  path: 'spec',
  message: 'no',
  hint: null,
  severity: 'error',
}

/** Judges states good unless they hold a resource `bad`. */
function session(state: FeedState | null = null) {
  const judge = ({ resources }: FeedState) => (resources.has('Mesh//bad') ? [bad] : [])
  const made = newSession({ node, state, judge })
  const say = (message: object) => made.receive(JSON.stringify(message))
  const names = () => [...(made.state()?.resources.keys() ?? [])]
  return { made, say, names }
}
const snapshot = (version: string, ...resources: FeedItem[]) => ({
  type: 'snapshot',
  version,
  format: 'kuma',
  resources,
})

t.test('feed session: a snapshot, then patches, each acknowledged', async (t) => {
  const { made, say, names } = session()
  t.match(made.hello(), { type: 'hello', protocol: 1, node, have: null })
  t.match(say(snapshot('1', item('a'), item('b'))), {
    replies: [{ type: 'ack', version: '1' }],
    accepted: true,
  })
  const patch = { type: 'patch', base: '1', version: '2', put: [item('c')], remove: [item('a')] }
  t.match(say(patch), { replies: [{ type: 'ack', version: '2' }] })
  t.same(names(), ['Mesh//b', 'Mesh//c'])
  t.match(made.hello(), { have: '2' })
  t.match(say({ type: 'current', version: '2' }), { replies: [], accepted: false })
})

t.test('feed session: what is refused leaves what was there', async (t) => {
  const { made, say, names } = session()
  say(snapshot('1', item('a')))
  t.match(say({ type: 'patch', base: '1', version: '2', put: [item('bad')] }), {
    replies: [{ type: 'nack', version: '2', problems: [bad] }],
    accepted: false,
  })
  t.match(say(snapshot('3', item('a'), item('a'))), {
    replies: [{ type: 'nack', problems: [{ resource: 'Mesh//a', message: 'is there twice' }] }],
  })
  t.match(say(snapshot('4', { type: 'Mesh' })), {
    replies: [{ type: 'nack', problems: [{ message: 'Mesh has no name' }] }],
  })
  t.same(names(), ['Mesh//a'])
  t.match(made.hello(), { have: '1' })
})

t.test('feed session: a patch that does not fit asks for a snapshot', async (t) => {
  const { say } = session()
  const patch = { type: 'patch', base: '1', version: '2' }
  t.match(say(patch), { replies: [{ type: 'resync', have: null }] })
  say(snapshot('5', item('a')))
  t.match(say(patch), { replies: [{ type: 'resync', have: '5' }] })
  t.match(say({ type: 'current', version: '9' }), { replies: [{ type: 'resync', have: '5' }] })
})

t.test('feed session: what it cannot understand ends the conversation', async (t) => {
  const { made, say } = session()
  for (const text of ['', '{', '[]', '"x"', '{"type":"other"}', '{"type":"snapshot"}']) {
    t.ok(made.receive(text).fatal, text)
  }
  t.match(say({ type: 'error', message: 'who are you?' }).fatal, /who are you/)
  fc.assert(
    fc.property(fc.json(), (text) => {
      made.receive(text)
    }),
  )
})

t.test('feed session: any sequence of patches is the snapshot of its end', async () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd')
  const step = fc.record({
    put: fc.uniqueArray(names),
    remove: fc.uniqueArray(names),
    mark: fc.nat(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { made, say } = session()
      say(snapshot('0'))
      const wanted = new Map<string, FeedItem>()
      steps.forEach(({ put, remove, mark }, index) => {
        for (const name of remove) wanted.delete(`Mesh//${name}`)
        for (const name of put) wanted.set(`Mesh//${name}`, item(name, { mark }))
        say({
          type: 'patch',
          base: `${index}`,
          version: `${index + 1}`,
          put: put.map((name) => item(name, { mark })),
          remove: remove.map((name) => item(name)),
        })
      })
      const have = made.state()?.resources ?? new Map()
      return (
        have.size === wanted.size &&
        [...wanted].every(([key, one]) => JSON.stringify(have.get(key)) === JSON.stringify(one))
      )
    }),
  )
})
