import t from 'tap'
import type { TcpSpec } from '../../../../proxy/cluster/probe.ts'
import { tcpProbe } from '../../../../proxy/cluster/probes/tcp.ts'
import { ask, closedPort, tcpTarget } from '../../../support/probe-target.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const spec = (send = '', ...receive: readonly string[]): TcpSpec => ({
  kind: 'tcp',
  send: base64(send),
  receive: receive.map(base64),
})

t.test('TCP probe: connecting is enough when nothing is to be received', async (t) => {
  const { connect } = await tcpTarget(t, () => {})
  t.equal(await ask(tcpProbe(spec(), connect, true)), 'success')
})

t.test('TCP probe: fails when nobody listens', async (t) => {
  t.equal(await ask(tcpProbe(spec(), await closedPort(), true)), 'network')
})

t.test('TCP probe: sends, and waits for all blocks in order, in any pieces', async (t) => {
  const { connect } = await tcpTarget(t, (socket) => {
    socket.once('data', (chunk) => {
      socket.write(`-- you said ${chunk.toString()} PO`)
      setImmediate(() => socket.write('NG and more, OK'))
    })
  })
  const probe = tcpProbe(spec('PING', 'PONG', 'OK'), connect, false)
  t.equal(await ask(probe), 'success')
})

t.test('TCP probe: fails when the connection ends before the answer', async (t) => {
  const { connect } = await tcpTarget(t, (socket) => socket.end('OK then PON'))
  t.equal(await ask(tcpProbe(spec('PING', 'PONG', 'OK'), connect, true)), 'network')
})

t.test('TCP probe: gives up on an answer without end', async (t) => {
  const { connect } = await tcpTarget(t, (socket) => void socket.write(Buffer.alloc(200_000)))
  t.equal(await ask(tcpProbe(spec('', 'PONG'), connect, true)), 'network')
})

t.test('TCP probe: keeps its connection where it may', async (t) => {
  const echo = await tcpTarget(t, (socket) => socket.on('data', (chunk) => socket.write(chunk)))
  const probe = tcpProbe(spec('PING', 'PING'), echo.connect, true)
  t.teardown(() => probe.close())
  for (let i = 0; i < 3; i += 1) t.equal(await ask(probe), 'success')
  t.equal(echo.connections, 1)
  const fresh = tcpProbe(spec('PING', 'PING'), echo.connect, false)
  for (let i = 0; i < 3; i += 1) t.equal(await ask(fresh), 'success')
  t.equal(echo.connections, 4)
})

t.test('TCP probe: connects again after the endpoint has closed a kept connection', async (t) => {
  const once = await tcpTarget(t, (socket) => socket.once('data', (chunk) => socket.end(chunk)))
  const probe = tcpProbe(spec('PING', 'PING'), once.connect, true)
  t.teardown(() => probe.close())
  t.equal(await ask(probe), 'success')
  for (const socket of once.sockets) await new Promise((resolve) => socket.once('close', resolve))
  t.equal(await ask(probe), 'success')
  t.equal(once.connections, 2)
})

t.test('TCP probe: close drops a question under way', async (t) => {
  const silent = await tcpTarget(t, () => {})
  const probe = tcpProbe(spec('PING', 'PONG'), silent.connect, true)
  probe.start(() => t.fail('nobody waits any more'))
  probe.close()
  t.pass()
})
