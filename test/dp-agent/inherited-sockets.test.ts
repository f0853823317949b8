import t from 'tap'
import { inheritedSockets } from '../../dp-agent/inherited-sockets.ts'

const environment = {
  LISTEN_PID: '7',
  LISTEN_FDS: '3',
  LISTEN_FDNAMES: 'outbound:inbound:outbound',
}

t.test('inherited sockets: one of each name at a time, none twice', async (t) => {
  const sockets = inheritedSockets(environment, 7)
  t.same(sockets.take(), { outbound: 3, inbound: 4 })
  t.same(sockets.take(), { outbound: 5 })
  t.same(sockets.take(), {})
})

t.test('inherited sockets: those meant for another process are not ours', async (t) => {
  t.same(inheritedSockets(environment, 8).take(), {})
  t.same(inheritedSockets({}, 7).take(), {})
  t.same(inheritedSockets({ LISTEN_PID: '7', LISTEN_FDS: 'x' }, 7).take(), {})
})

t.test('inherited sockets: one without a name is called unknown, as systemd does', async (t) => {
  t.same(inheritedSockets({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7).take(), { unknown: 3 })
})
