import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Lab } from '../../support/lab.ts'
import { startLabAgent } from '../../support/lab-agent.ts'
import { labIdentity } from '../../support/lab-mesh.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { collectorRows } from './metric-collectors.ts'

const listening = 'backends: [{type: Prometheus, prometheus: {port: {{free}}}}]'

/** The page that a scraper sees after a request. */
async function page(lab: Lab, path = '/metrics'): Promise<string | null> {
  await lab.settled(lab.ask())
  const agent = await startLabAgent(lab)
  const port = lab.configuration.settings.metrics.prometheus?.port ?? 0
  // The listener is bound in the background.
  while (!(await lab.settled(bound(port))));
  return lab.settled(agent.page(port, path, 'plain'))
}

/** Whether somebody listens there. */
const bound = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

/** Which of these metrics the page has. */
const shown =
  (...names: readonly string[]) =>
  async (lab: Lab): Promise<readonly string[]> => {
    const text = (await page(lab)) ?? ''
    return names.filter((name) => new RegExp(`^${name}[{ ]`, 'm').test(text))
  }

const requests = 'envoy_cluster_upstream_rq_total'
const http1 = 'envoy_cluster_upstream_cx_http1_total'
const never = 'envoy_cluster_upstream_rq_timeout'

const own = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  names: readonly string[],
  expect: readonly string[],
  otherwise: readonly string[],
  also: readonly string[] = [],
): PolicyRow => ({
  field: `sidecar.${field}`,
  also: also.map((name) => `sidecar.${name}`),
  shows,
  set: `{sidecar: {${set}}, ${listening}}`,
  unset: `{sidecar: {${unset}}, ${listening}}`,
  drive: shown(...names),
  expect,
  otherwise,
})

const profile = (name: string): string => `profiles: {appendProfiles: [{name: ${name}}]}`
const include = (type: string, match: string): string =>
  `profiles: {include: [{type: ${type}, match: ${match}}]}`
const exclude = (type: string, match: string): string =>
  `profiles: {exclude: [{type: ${type}, match: ${match}}]}`

/** The application's page, and what of it a scraper of the sidecar sees. */
async function ofApplication(lab: Lab): Promise<unknown> {
  const { app, other } = lab.services
  for (const [name, service] of Object.entries({ app, other })) {
    service.answer = ({ path }, response) => {
      if (path !== '/') response.write(`app_requests_total{at="${name}${path}"} 1\n`)
      response.end()
    }
  }
  const text = (await page(lab)) ?? ''
  return text.split('\n').filter((line) => /^(?:app_|outrider_application_up)/.test(line))
}

const application = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: readonly string[],
  otherwise: readonly string[],
  also: readonly string[] = [],
): PolicyRow => ({
  field: `applications[].${field}`,
  also: also.map((name) => `applications[].${name}`),
  shows,
  set: `{applications: [{${set}}], ${listening}}`,
  unset: `{applications: [{${unset}}], ${listening}}`,
  drive: ofApplication,
  expect,
  otherwise,
})

const here = 'address: 127.0.0.1, port: {{app.port}}'
const up = (name: string): string => `outrider_application_up{application="${name}"} 1`
const line = (at: string): string => `app_requests_total{at="${at}"} 1`

/** Who may see the page: callers without TLS, with TLS, and members of the mesh. */
async function welcome(lab: Lab): Promise<unknown> {
  const { certificate, key } = labIdentity('metrics')
  const [certPath, keyPath] = ['tls.crt', 'tls.key'].map((name) => join(lab.directory, name))
  writeFileSync(certPath ?? '', certificate)
  writeFileSync(keyPath ?? '', key)
  const agent = await startLabAgent(lab, { certPath: certPath ?? '', keyPath: keyPath ?? '' })
  const port = lab.configuration.settings.metrics.prometheus?.port ?? 0
  while (!(await lab.settled(bound(port))));
  const seen: string[] = []
  for (const as of ['plain', 'anybody', 'member'] as const) {
    if ((await lab.settled(agent.page(port, '/metrics', as))) !== null) seen.push(as)
  }
  return seen
}

export const meshMetric: PolicyTable = {
  kind: 'MeshMetric',
  section: 'proxy',
  rows: [
    own(
      'profiles.appendProfiles[].name',
      'All shows everything, Basic what dashboards need',
      profile('All'),
      profile('Basic'),
      [requests, http1],
      [requests, http1],
      [requests],
    ),
    own(
      'profiles.appendProfiles[].name',
      'None shows nothing of the data path',
      profile('None'),
      '',
      [requests, http1],
      [],
      [requests],
    ),
    own(
      'profiles.include[].match',
      'is shown all the same',
      include('Exact', http1),
      '',
      [requests, http1],
      [requests, http1],
      [requests],
      ['profiles.include[].type'],
    ),
    own(
      'profiles.include[].type',
      'Regex, Prefix and Contains say how names are compared',
      include('Regex', '"cx_http[0-9]_total$"'),
      include('Prefix', 'cx_http'),
      [requests, http1],
      [requests, http1],
      [requests],
    ),
    own(
      'profiles.exclude[].match',
      'is left out',
      exclude('Prefix', 'envoy_cluster_'),
      '',
      [requests],
      [],
      [requests],
      ['profiles.exclude[].type'],
    ),
    own(
      'profiles.exclude[].type',
      'Contains, Exact and Regex say how names are compared',
      exclude('Contains', 'rq_total'),
      exclude('Exact', 'rq_total'),
      [requests],
      [],
      [requests],
    ),
    own(
      'includeUnused',
      'shows what never counted',
      'includeUnused: true',
      '',
      [requests, never],
      [requests, never],
      [requests],
    ),
    application(
      'port',
      'is the port of an application whose metrics are shown with ours',
      `name: a, ${here}`,
      'address: 127.0.0.1, port: {{other.port}}, name: other',
      [line('app/metrics'), up('a')],
      [line('other/metrics'), up('other')],
      ['address'],
    ),
    application(
      'path',
      'is the path of its page',
      `name: a, path: /stats, ${here}`,
      `name: a, ${here}`,
      [line('app/stats'), up('a')],
      [line('app/metrics'), up('a')],
    ),
    application(
      'name',
      'is what it is called',
      `name: shop, ${here}`,
      `name: a, ${here}`,
      [line('app/metrics'), up('shop')],
      [line('app/metrics'), up('a')],
    ),
    {
      field: 'backends[].prometheus.path',
      also: ['backends[].type', 'backends[].prometheus.port'],
      shows: 'is the path of the page; it has a port of its own',
      set: '{backends: [{type: Prometheus, prometheus: {port: {{free}}, path: /stats}}]}',
      unset: `{${listening}}`,
      drive: async (lab) => ((await page(lab, '/stats')) ?? '').includes(requests),
      expect: true,
      otherwise: false,
    },
    {
      field: 'backends[].prometheus.tls.mode',
      shows: 'ActiveMTLSBackend lets members of the mesh in',
      set: '{backends: [{type: Prometheus, prometheus: {port: {{free}}, tls: {mode: ActiveMTLSBackend}}}]}',
      unset: `{${listening}}`,
      drive: welcome,
      expect: ['member'],
      otherwise: ['plain'],
    },
    {
      field: 'backends[].prometheus.tls.mode',
      shows: 'ProvidedTLS shows the certificate given to the agent',
      set: '{backends: [{type: Prometheus, prometheus: {port: {{free}}, tls: {mode: ProvidedTLS}}}]}',
      unset: `{${listening}}`,
      drive: welcome,
      expect: ['anybody', 'member'],
      otherwise: ['plain'],
    },
    ...collectorRows,
  ],
}
