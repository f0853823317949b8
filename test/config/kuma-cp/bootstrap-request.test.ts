import t from 'tap'
import {
  type BootstrapRequest,
  requestBootstrap,
} from '../../../config/kuma-cp/bootstrap-request.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { bootstrapServer, giveBootstrap, kumaBootstrap, sidecar } from '../../support/kuma-cp.ts'
import { testCa } from '../../support/pki.ts'
import { rawServer } from '../../support/sockets.ts'

const ask = (over: Partial<BootstrapRequest> & { readonly url: string }) =>
  requestBootstrap({
    ca: null,
    systemRoots: [],
    skipVerify: false,
    token: null,
    sidecar: sidecar(),
    clock: systemClock,
    ...over,
  })

t.test('bootstrap request: it carries what kuma-dp sends', async (t) => {
  const server = await bootstrapServer(t, giveBootstrap(kumaBootstrap({ port: 5679 })))
  const answer = await ask({ url: server.url, ca: server.ca.certificate, token: 'a.b.c' })
  t.match(answer, { kind: 'given', bootstrap: { target: 'localhost:5679', delta: true } })
  const [request] = server.requests
  t.match(request?.headers, { accept: 'application/json', 'content-type': 'application/json' })
  t.match(request?.body, {
    mesh: 'default',
    name: 'web-1',
    proxyType: 'dataplane',
    dataplaneToken: 'a.b.c',
    dataplaneResource: '{"type":"Dataplane"}',
    caCert: server.ca.certificate,
    readinessPort: 9901,
    dnsPort: 15053,
    workdir: '/run/outrider',
    version: { kumaDp: { version: 'outrider-1.2.3' } },
    ipv6Enabled: true,
  })
})

t.test('bootstrap request: only a control plane we trust is told the token', async (t) => {
  const server = await bootstrapServer(t, giveBootstrap(kumaBootstrap()))
  const stranger = testCa().certificate
  for (const [trust, hint] of [
    [{ ca: stranger }, /[^;]; that of --ca-cert-file is not its CA$/],
    [{ ca: null, systemRoots: [stranger] }, /[^;]; give its CA with --ca-cert-file$/],
  ] as const) {
    const answer = await ask({ url: server.url, ...trust, token: 'a.b.c' })
    t.match(answer, { kind: 'failed', message: hint })
  }
  t.same(server.requests, [])
  const unchecked = await ask({ url: server.url, skipVerify: true })
  t.match(unchecked, { kind: 'given' })
  const roots = [stranger, server.ca.certificate]
  t.match(await ask({ url: server.url, systemRoots: roots }), { kind: 'given' })
})

t.test('bootstrap request: what the control plane answers is told apart', async (t) => {
  const cases = [
    [404, '', 'failed', /not known to the control plane.*--dataplane-file/],
    [404, '404: Page Not Found', 'refused', /5678.*5681/],
    [422, 'Dataplane Token is required', 'refused', /Dataplane Token is required \(422\)/],
    [400, 'has the following SANs', 'refused', /SANs/],
    [500, 'x', 'failed', /answered 500/],
    [200, 'type: yaml', 'failed', /not JSON/],
    [200, '{}', 'failed', /no bootstrap/],
    [200, '{"bootstrap":"Og=="}', 'failed', /^the bootstrap /],
  ] as const
  for (const [status, body, kind, message] of cases) {
    const server = await bootstrapServer(t, { status, body })
    const answer = await ask({ url: server.url, ca: server.ca.certificate })
    t.match(answer, { kind, message }, `${status} ${body}`)
  }
})

t.test('bootstrap request: an answer that does not come or does not end is given up', async (t) => {
  const { port } = await rawServer(t, (socket) => socket.resume())
  const clock = fakeClock()
  const answer = ask({ url: `http://127.0.0.1:${port}`, clock })
  clock.tick(10_000)
  t.match(await answer, { kind: 'failed', message: 'no answer in 10 s' })
  t.equal(clock.pending(), 0)
  const server = await bootstrapServer(t, { status: 200, body: 'x'.repeat(1_100_000) })
  t.match(await ask({ url: server.url, ca: server.ca.certificate }), { kind: 'failed' })
})

t.test('bootstrap request: nobody there is a failure with its code', async (t) => {
  const { port, server } = await rawServer(t, () => {})
  await new Promise<void>((resolve) => server.close(() => resolve()))
  t.match(await ask({ url: `http://127.0.0.1:${port}` }), {
    kind: 'failed',
    message: /ECONNREFUSED/,
  })
})
