import t from 'tap'
import {
  type ControlPlaneOptions,
  connect,
  HandshakeRefused,
  newControlPlane,
} from '../../../config/kuma-cp/control-plane.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  type BootstrapServer,
  bootstrapServer,
  giveBootstrap,
  kumaBootstrap,
  sidecar,
} from '../../support/kuma-cp.ts'
import { memoryLog } from '../../support/memory-log.ts'

const gone = { status: 500, body: '' }

function setup(server: BootstrapServer, over: Partial<ControlPlaneOptions> = {}) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const options: ControlPlaneOptions = {
    url: server.url,
    ca: () => server.ca.certificate,
    systemRoots: [],
    skipVerify: false,
    skipBootstrap: false,
    token: () => 'a.b.c',
    sidecar: sidecar(),
    clock,
    log,
    ...over,
  }
  return { options, clock, lines }
}

t.test('control plane: a handshake says where to, who we are and what they want', async (t) => {
  const server = await bootstrapServer(t, giveBootstrap(kumaBootstrap({ token: 'x.y.z' })))
  const { options } = setup(server)
  const controlPlane = newControlPlane(options)
  t.equal(controlPlane.latest(), null)
  const handshake = await controlPlane.dial()
  t.match(handshake, {
    address: {
      target: 'localhost:5678',
      tls: { ca: server.ca.certificate, serverName: null, skipVerify: false },
      metadata: [{ key: 'authorization', value: 'a.b.c' }],
    },
    node: { id: 'default.web-1', cluster: 'web' },
    delta: true,
    hds: true,
  })
  t.same(controlPlane.latest(), handshake)
})

t.test('control plane: trust and token of the bootstrap stand in for ours', async (t) => {
  const server = await bootstrapServer(t, giveBootstrap(kumaBootstrap({ token: 'x.y.z' })))
  const over = { ca: () => null, token: () => null, skipVerify: true }
  const { address } = await newControlPlane(setup(server, over).options).dial()
  t.match(address, {
    tls: { ca: 'PEM', skipVerify: false },
    metadata: [{ key: 'authorization', value: 'x.y.z' }],
  })
})

t.test('control plane: a bootstrap is asked for anew, and the last one stands in', async (t) => {
  const first = giveBootstrap(kumaBootstrap({ port: 1 }))
  const second = giveBootstrap(kumaBootstrap({ port: 2 }))
  const server = await bootstrapServer(t, first, gone, second)
  const { options, lines } = setup(server)
  const controlPlane = newControlPlane(options)
  const targets = []
  for (let i = 0; i < 3; i += 1) targets.push((await controlPlane.dial()).address.target)
  t.same(targets, ['localhost:1', 'localhost:1', 'localhost:2'])
  t.match(lines, [/^warn no new bootstrap; the last one is used .*answered 500/])
})

t.test('control plane: plaintext is not slipped under us', async (t) => {
  const server = await bootstrapServer(t, giveBootstrap(kumaBootstrap({ tls: false })))
  await t.rejects(newControlPlane(setup(server).options).dial(), /asks for plaintext/)
})

t.test('control plane: without bootstrap all follows from the flags', async (t) => {
  const server = await bootstrapServer(t, gone)
  const { options } = setup(server, { skipBootstrap: true })
  t.match(await newControlPlane(options).dial(), {
    address: {
      target: new URL(server.url).host,
      tls: { ca: server.ca.certificate, skipVerify: false },
    },
    node: { id: 'default.web-1', cluster: 'web-1' },
    delta: true,
    hds: true,
  })
  const plain = { ...options, url: 'http://kuma-cp', ca: () => null }
  t.match(await newControlPlane(plain).dial(), { address: { target: 'kuma-cp:80', tls: null } })
  const system = { ...options, ca: () => null, systemRoots: ['A', 'B'] }
  t.match(await newControlPlane(system).dial(), { address: { tls: { ca: 'A\nB' } } })
  t.same(server.requests, [])
})

/** Lets the sockets have their say until so many lines are in the log. */
async function logged(lines: readonly string[], count: number): Promise<void> {
  while (lines.length < count) await new Promise((resolve) => setImmediate(resolve))
}

t.test(
  'connect: it tries until the control plane answers, and the answer serves once',
  async (t) => {
    const server = await bootstrapServer(t, gone, gone, giveBootstrap(kumaBootstrap()))
    const { options, clock, lines } = setup(server)
    const connecting = connect(options, { everyMs: 3_000, atMostMs: 300_000 })
    for (const count of [1, 2]) {
      await logged(lines, count)
      clock.tick(3_000)
    }
    const controlPlane = await connecting
    t.equal(server.requests.length, 3)
    t.match(lines, [/^warn no bootstrap yet .*500.*3000/, /^warn no bootstrap yet/])
    await controlPlane.dial()
    t.equal(server.requests.length, 3)
    await controlPlane.dial()
    t.equal(server.requests.length, 4)
  },
)

t.test('connect: it ends when the time is over, and at once when it is refused', async (t) => {
  const server = await bootstrapServer(t, gone)
  const { options, clock, lines } = setup(server)
  const late = connect(options, { everyMs: 3_000, atMostMs: 4_000 })
  await logged(lines, 1)
  clock.tick(3_000)
  await t.rejects(late, /answered 500/)
  t.equal(server.requests.length, 2)
  server.replies = [{ status: 422, body: 'no token' }]
  const refused = connect(options, { everyMs: 3_000, atMostMs: 300_000 })
  await refused.catch((error: unknown) => t.ok(error instanceof HandshakeRefused))
  t.equal(server.requests.length, 3)
})
