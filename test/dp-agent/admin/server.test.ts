import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { AgentView } from '../../../dp-agent/admin/agent-view.ts'
import { endpoints } from '../../../dp-agent/admin/endpoints.ts'
import { startAdmin } from '../../../dp-agent/admin/server.ts'
import { fakeAgentView } from '../../support/fake-agent-view.ts'
import { memoryLog } from '../../support/memory-log.ts'

async function admin(t: Test, over: Partial<AgentView> = {}) {
  const agent = fakeAgentView(over)
  const { log, lines } = memoryLog()
  const server = await startAdmin(agent, {
    address: { host: '127.0.0.1', port: 0 },
    hosts: [],
    log,
  })
  t.teardown(() => server.close())
  const at = `http://127.0.0.1:${server.address.port}`
  return {
    agent,
    lines,
    server,
    get: (path: string, init: RequestInit = {}) => fetch(at + path, init),
  }
}

t.test('admin: ready is 200 LIVE, or 503 with the state', async (t) => {
  const live = await admin(t)
  const answer = await live.get('/ready')
  t.equal(answer.status, 200)
  t.equal(await answer.text(), 'LIVE\n')
  const draining = await admin(t, {
    readiness: () => ({ state: 'DRAINING', reasons: ['stopping'] }),
  })
  const refusal = await draining.get('/ready')
  t.equal(refusal.status, 503)
  t.equal(await refusal.text(), 'DRAINING\n')
  const verbose = await draining.get('/ready?verbose')
  t.equal(verbose.status, 503)
  t.match(await verbose.json(), {
    state: 'DRAINING',
    reasons: ['stopping'],
    config: { version: 2, stale: false, errors: 0, acceptedAt: '2026-01-01T00:00:00.000Z' },
    workers: [{ state: 'serving' }],
    certificate: { spiffeId: 'spiffe://default/web', daysLeft: 1 },
  })
})

t.test('admin: no page ever shows a key or a certificate as PEM', async (t) => {
  const { get } = await admin(t)
  for (const { method, path } of endpoints) {
    const text = await (await get(path, { method })).text()
    t.notMatch(text, /PEM/, path)
  }
})

t.test('admin: config_dump shows redacted secrets, by kind and name', async (t) => {
  const { get } = await admin(t)
  t.match(await (await get('/config_dump')).json(), {
    source: 'files',
    listeners: [],
    secrets: [
      { name: 'identity', chain: '[redacted]', key: '[redacted]' },
      { name: 'mesh', domains: [{ bundle: '[redacted]' }] },
    ],
  })
  const part = JSON.parse(await (await get('/config_dump?resource=secrets&name=mes')).text())
  t.equal(part.listeners, undefined)
  t.match(part.secrets, [{ name: 'mesh' }])
  t.equal((await get('/config_dump?resource=keys')).status, 400)
})

t.test('admin: config_dump tells what is wrong with the newest configuration', async (t) => {
  const view = fakeAgentView()
  const problem = {
    file: 'mesh/retry.yaml',
    line: 3,
    column: 5,
    resource: 'MeshRetry/foo',
    path: 'spec',
    message: 'must be an object',
    hint: null,
    severity: 'error' as const,
  }
  const { get } = await admin(t, {
    config: () => ({ ...view.config(), stale: true, problems: [problem] }),
  })
  t.match(await (await get('/config_dump')).json(), {
    stale: true,
    problems: ['mesh/retry.yaml:3:5 error MeshRetry/foo spec: must be an object'],
  })
})

t.test('admin: a configuration that nobody confirms is stale, and since when', async (t) => {
  const { get } = await admin(t, { staleSince: () => 1_767_225_600_000 })
  t.match(await (await get('/ready?verbose')).json(), {
    config: { stale: true, refused: false, staleSince: '2026-01-01T00:00:00.000Z' },
  })
})

t.test('admin: clusters and listeners speak as Envoy does', async (t) => {
  const { get } = await admin(t)
  const text = await (await get('/clusters')).text()
  t.match(text, 'backend::default_priority::max_requests::3\n')
  t.match(text, 'backend::10.0.0.1:80::health_flags::healthy\n')
  t.match(text, 'backend::10.0.0.2:80::health_flags::/failed_active_hc/failed_outlier_check\n')
  t.match(await (await get('/clusters?format=json')).json(), {
    cluster_statuses: [
      {
        name: 'backend',
        host_statuses: [
          { address: { socket_address: { address: '10.0.0.1', port_value: 80 } } },
          { health_status: { failed_outlier_check: true } },
        ],
      },
    ],
  })
  t.equal(await (await get('/listeners')).text(), 'inbound:80::127.0.0.1:8080\n')
  t.match(await (await get('/listeners?format=json')).json(), {
    listener_statuses: [{ name: 'inbound:80', state: 'listening' }],
  })
})

t.test('admin: certs tells names and dates', async (t) => {
  const { get } = await admin(t)
  t.match(await (await get('/certs')).json(), {
    certificates: [
      {
        name: 'identity',
        cert_chain: [
          { subject_alt_names: [{ uri: 'spiffe://default/web' }], days_until_expiration: '3' },
        ],
      },
    ],
  })
})

t.test('admin: what changes something is POST only', async (t) => {
  const { agent, get } = await admin(t)
  for (const path of ['/quitquitquit', '/logging', '/healthcheck/fail', '/drain_listeners']) {
    const answer = await get(path)
    t.equal(answer.status, 405, path)
    t.equal(answer.headers.get('allow'), 'POST')
  }
  t.same(agent.calls, [])
  const method = 'POST'
  t.equal(await (await get('/logging?level=debug', { method })).text(), 'level: info\n')
  t.equal((await get('/logging?level=loud', { method })).status, 400)
  for (const path of [
    '/healthcheck/fail',
    '/healthcheck/ok',
    '/drain_listeners',
    '/quitquitquit',
  ]) {
    t.equal((await get(path, { method })).status, 200)
  }
  t.same(agent.calls, ['level debug', 'fail true', 'fail false', 'drain', 'quit'])
})

t.test('admin: a foreign origin is refused before anything happens', async (t) => {
  const { agent, get } = await admin(t)
  const init = { method: 'POST', headers: { origin: 'http://evil.example' } }
  t.equal((await get('/quitquitquit', init)).status, 403)
  t.same(agent.calls, [])
})

t.test('admin: an unknown page names the nearest one', async (t) => {
  const { get } = await admin(t)
  const answer = await get('/config-dump')
  t.equal(answer.status, 404)
  t.match(await answer.text(), 'did you mean /config_dump?')
})

t.test('admin: a failing endpoint answers 500 and says why in the log only', async (t) => {
  const { get, lines } = await admin(t, {
    metrics: () => Promise.reject(new Error('secret reason')),
  })
  const answer = await get('/metrics')
  t.equal(answer.status, 500)
  t.notMatch(await answer.text(), 'secret reason')
  t.match(lines, [/admin endpoint failed.*secret reason/])
})

t.test('admin: pages carry headers that keep browsers strict', async (t) => {
  const { get } = await admin(t)
  for (const path of ['/', '/page.js', '/page.css', '/ready']) {
    const { headers, status } = await get(path)
    t.equal(status, 200, path)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.match(headers.get('content-security-policy'), "frame-ancestors 'none'")
  }
})

t.test('admin: the front page has what its script fills in, and no inline code', async (t) => {
  const page = (name: string) =>
    readFileSync(new URL(`../../../dp-agent/admin/page/${name}`, import.meta.url), 'utf8')
  const html = page('index.html')
  t.notMatch(html, /<script>|onclick|style=/)
  for (const [, id] of page('page.js').matchAll(/place\('([\w-]+)'\)/g)) t.match(html, `id="${id}"`)
  const { get } = await admin(t)
  t.match(await (await get('/overview')).json(), {
    name: 'web-1',
    state: 'LIVE',
    clusters: [{ name: 'backend', requests: 5, p50Ms: 7.5, endpoints: [{}, {}] }],
    listeners: [{ name: 'inbound:80' }],
  })
})

t.test('admin: help lists every endpoint', async (t) => {
  const { get } = await admin(t)
  const text = await (await get('/help')).text()
  for (const { path } of endpoints) t.match(text, path)
  t.match(await (await get('/server_info')).json(), { state: 'LIVE', uptime_s: 61 })
  t.match(await (await get('/memory')).json(), { workers: [{ index: 0 }] })
})

t.test('admin: an address in use is an error with its code', async (t) => {
  const { server } = await admin(t)
  const { log } = memoryLog()
  await t.rejects(startAdmin(fakeAgentView(), { address: server.address, hosts: [], log }), {
    code: 'EADDRINUSE',
  })
})
