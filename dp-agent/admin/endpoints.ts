import { logLevels } from '../../proxy/log.ts'
import type { AgentView } from './agent-view.ts'
import { certs } from './certs.ts'
import { clusters } from './clusters.ts'
import { configDump } from './config-dump.ts'
import { listeners } from './listeners.ts'
import { overview } from './overview.ts'
import { pageFile } from './page.ts'
import { ready } from './ready.ts'
import { json, plainText, type Reply } from './reply.ts'
import { stats } from './stats.ts'

/** One row of the admin server. */
export interface Endpoint {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Parameters as shown in help; empty for none. */
  readonly query: string
  readonly help: string
  handle(agent: AgentView, query: URLSearchParams): Reply | Promise<Reply>
}

const get = (
  path: string,
  help: string,
  handle: Endpoint['handle'],
  query: string = '',
): Endpoint => ({ method: 'GET', path, query, help, handle })

const post = (
  path: string,
  help: string,
  handle: Endpoint['handle'],
  query: string = '',
): Endpoint => ({ method: 'POST', path, query, help, handle })

const metrics: Endpoint['handle'] = async (agent, query) => {
  const { type, body } = await agent.metrics(query.has('usedonly'))
  return { status: 200, type, body }
}

/** Everything the admin server serves: what the dispatcher, `/help`, the front page and `docs/admin.md` are made from. */
export const endpoints: readonly Endpoint[] = [
  get('/', 'this sidecar at a glance', () => pageFile('index.html')),
  get('/ready', 'LIVE, or 503 with the reason', ready, '?verbose'),
  get('/metrics', 'metrics for Prometheus', metrics, '?usedonly'),
  get('/stats/prometheus', 'the same', metrics, '?usedonly'),
  get('/stats', 'metrics by name', stats, '?usedonly&filter=<regex>&format=text|json|prometheus'),
  get(
    '/config_dump',
    'the configuration that serves, and what is wrong with the newest',
    configDump,
    '?resource=<kind>&name=<text>',
  ),
  get('/clusters', 'endpoints with health and load', clusters, '?format=json'),
  get('/listeners', 'bound addresses', listeners, '?format=json'),
  get('/certs', 'certificates and trust bundles', certs),
  get('/server_info', 'version, state and options', serverInfo),
  get('/memory', 'memory of the process and its workers, bytes', memory),
  get('/overview', 'what the front page shows', overview),
  get('/help', 'this list', () => plainText(helpText())),
  get('/page.css', 'style of the front page', () => pageFile('page.css')),
  get('/page.js', 'script of the front page', () => pageFile('page.js')),
  post('/logging', 'change how much the log says', logging, '?level=off|error|warn|info|debug'),
  post('/healthcheck/fail', 'report not ready until /healthcheck/ok', (agent) => {
    agent.failHealthcheck(true)
    return plainText('OK')
  }),
  post('/healthcheck/ok', 'report as it is', (agent) => {
    agent.failHealthcheck(false)
    return plainText('OK')
  }),
  post('/drain_listeners', 'tell callers to go, and go on serving', (agent) => {
    agent.workers.drain()
    return plainText('OK')
  }),
  post('/quitquitquit', 'stop now, without a drain', (agent) => {
    agent.quit()
    return plainText('OK')
  }),
]

/** The list as text, for `/help`. */
export const helpText = (): string =>
  endpoints
    .map(({ method, path, query, help }) => `${method.padEnd(4)} ${path}${query}\n       ${help}\n`)
    .join('')

/** `docs/admin.md`, whole. A test compares it with the file. */
export const adminReference = (): string =>
  [
    '# The admin server',
    '',
    'Made from the table in `dp-agent/admin/endpoints.ts`; `UPDATE=1 npm test` writes it anew.',
    '',
    'It listens on loopback (`--admin`), answers to IP addresses, `localhost` and the names of `--admin-host` only, and',
    'refuses to change anything for a web page of another origin. Nothing it shows holds a key or a certificate as PEM.',
    '',
    '| method | path | query | what it does |',
    '|---|---|---|---|',
    ...endpoints.map(
      ({ method, path, query, help }) =>
        `| ${method} | \`${path}\` | ${query === '' ? '' : `\`${query.replaceAll('|', '\\|')}\``} | ${help} |`,
    ),
    '',
  ].join('\n')

function logging(agent: AgentView, query: URLSearchParams): Reply {
  const wanted = query.get('level')
  if (wanted !== null) {
    const level = logLevels.find((known) => known === wanted)
    if (level === undefined) return plainText(`level is one of ${logLevels.join(', ')}`, 400)
    agent.setLogLevel(level)
  }
  return plainText(`level: ${agent.logLevel()}`)
}

function serverInfo(agent: AgentView): Reply {
  const { about, clock } = agent
  return json({
    version: about.version,
    state: agent.readiness().state,
    uptime_s: Math.floor((clock.wall() - about.startedAt) / 1_000),
    node: { id: about.name, cluster: about.mesh },
    runtime: about.node,
    pid: about.pid,
    command_line_options: about.options,
  })
}

function memory(agent: AgentView): Reply {
  const usage = process.memoryUsage()
  return json({
    rss: usage.rss,
    agent: { heap_used: usage.heapUsed, external: usage.external },
    workers: agent.workers
      .status()
      .map(({ index, pulse }) => ({ index, heap_used: pulse?.heapUsedBytes ?? null })),
  })
}
