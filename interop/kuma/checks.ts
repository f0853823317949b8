import { existsSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import type { Seen } from '../report.ts'
import type { Resource } from './control-plane.ts'
import type { Mesh } from './mesh.ts'
import { addressOf, type Ports } from './ports.ts'

/** What a policy must do to traffic. It is applied, looked at until it is as it should be, and taken away again. */
export interface Check {
  readonly name: string
  readonly resources: readonly Resource[]
  look(): Promise<Seen>
}

/** An answer; status 0 is none, with the reason as its text. */
interface Answer {
  readonly status: number
  readonly text: string
}

/** Asks on a connection of its own. */
function ask(port: number, path = '/', host = '127.0.0.1'): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, text: error.message })
    const asked = get({ host, port, path, agent: false, timeout: 5_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('error', fail)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer in 5 s')))
    asked.on('error', fail)
  })
}

const said = ({ status, text }: Answer): string => `${status} ${text}`.trim().slice(0, 120)

/** Requests one after the other, and how often each answer came. */
async function askOften(port: number, times: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (let i = 0; i < times; i += 1) {
    const { status, text } = await ask(port)
    const [who = ''] = text.split(' ')
    const key = status === 200 ? who : String(status)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

const list = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([key, times]) => `${key} ${times}×`).join(', ')

/** The application of `shop` answers `web`, who is seen as `caller`. */
export async function lookAtTraffic(ports: Ports, caller: string): Promise<Seen> {
  const answer = await ask(ports.toShop)
  return { ok: said(answer) === `200 shop called by ${caller}`, what: said(answer) }
}

/** The same, often enough that nothing a policy does to some of the requests is left. */
export async function lookAtAllTraffic(ports: Ports, caller: string): Promise<Seen> {
  let seen = await lookAtTraffic(ports, caller)
  for (let times = 1; times < 12 && seen.ok; times += 1) seen = await lookAtTraffic(ports, caller)
  return seen
}

/** A caller outside of the mesh is accepted by the sidecar of `shop`, and gets no answer. */
export async function lookFromOutside(ports: Ports): Promise<Seen> {
  const answer = await ask(ports.of.shop.inbound, '/', addressOf('shop'))
  const ok = answer.status === 0 && !answer.text.includes('ECONNREFUSED')
  return { ok, what: `in plain text: ${said(answer)}` }
}

/** The policies, in the order in which they are tried; mTLS is on. */
export function policyChecks({ kuma, ports, collector, dir }: Mesh): readonly Check[] {
  const status = async (expected: number, path: string): Promise<Seen> => {
    const answer = await ask(ports.toShop, path)
    return { ok: answer.status === expected, what: said(answer) }
  }
  const logFile = join(dir, 'access.log')
  return [
    {
      name: 'MeshTrafficPermission',
      resources: [kuma.permission(['shop-v2'])],
      look: () => status(403, '/'),
    },
    {
      name: 'MeshHTTPRoute',
      resources: [kuma.split({ shop: 80, 'shop-v2': 20 }, ports)],
      look: async () => {
        const first = await askOften(ports.toShop, 20)
        if (first.size < 2) return { ok: false, what: list(first) } // not there yet
        const counts = await askOften(ports.toShop, 200)
        const second = counts.get('shop-v2') ?? 0
        return { ok: counts.size === 2 && second > 20 && second < 60, what: list(counts) }
      },
    },
    {
      name: 'MeshRetry',
      resources: [
        kuma.outbound('MeshRetry', 'shop', { http: { numRetries: 2, retryOn: ['5xx'] } }),
      ],
      look: () => status(200, '/flaky'),
    },
    {
      name: 'MeshTimeout',
      resources: [kuma.outbound('MeshTimeout', 'shop', { http: { requestTimeout: '300ms' } })],
      look: () => status(504, '/slow'),
    },
    {
      name: 'MeshFaultInjection',
      resources: [
        kuma.inbound('MeshFaultInjection', 'shop', {
          http: [{ abort: { httpStatus: 418, percentage: 100 } }],
        }),
      ],
      look: () => status(418, '/'),
    },
    {
      name: 'MeshRateLimit',
      resources: [
        kuma.inbound('MeshRateLimit', 'shop', {
          local: {
            http: { requestRate: { num: 3, interval: '1s' }, onRateLimit: { status: 423 } },
          },
        }),
      ],
      look: async () => {
        const counts = await askOften(ports.toShop, 20)
        const passed = counts.get('shop') ?? 0
        const ok = passed > 0 && passed <= 6 && counts.get('423') === 20 - passed
        return { ok, what: list(counts) }
      },
    },
    {
      name: 'MeshAccessLog',
      resources: [
        kuma.outbound('MeshAccessLog', 'shop', {
          backends: [
            {
              type: 'File',
              file: {
                path: logFile,
                format: {
                  type: 'Plain',
                  plain: '%REQ(:PATH)% %RESPONSE_CODE% %KUMA_SOURCE_SERVICE%\n',
                },
              },
            },
          ],
        }),
      ],
      look: async () => {
        await ask(ports.toShop, '/logged')
        const line = existsSync(logFile) ? readFileSync(logFile, 'utf8').split('\n')[0] : 'no file'
        return { ok: line === '/logged 200 web', what: String(line) }
      },
    },
    {
      name: 'MeshCircuitBreaker',
      resources: [
        kuma.outbound('MeshCircuitBreaker', 'shop', {
          connectionLimits: { maxConnections: 1, maxPendingRequests: 1, maxRequests: 1 },
        }),
      ],
      look: async () => {
        const answers = await Promise.all(
          Array.from({ length: 6 }, () => ask(ports.toShop, '/slow')),
        )
        const refused = answers.filter(({ status }) => status === 503).length
        return { ok: refused >= 4 && refused < 6, what: `${refused} of 6 at once refused` }
      },
    },
    {
      name: 'MeshHealthCheck',
      resources: [
        kuma.outbound('MeshHealthCheck', 'shop', {
          ...{ interval: '1s', timeout: '1s', unhealthyThreshold: 1, healthyThreshold: 1 },
          failTrafficOnPanic: true,
          http: { path: '/sick' },
        }),
      ],
      look: () => status(503, '/'),
    },
    {
      name: 'MeshTrace',
      resources: [
        kuma.whole('MeshTrace', 'web', {
          backends: [{ type: 'Zipkin', zipkin: { url: collector.url, apiVersion: 'httpJson' } }],
        }),
      ],
      look: async () => {
        await ask(ports.toShop)
        const names = [...collector.heardOf]
        return { ok: names.includes('web'), what: `spans of ${names.join(', ') || 'nobody'}` }
      },
    },
    {
      name: 'MeshMetric',
      resources: [
        kuma.whole('MeshMetric', 'web', {
          backends: [
            {
              type: 'Prometheus',
              prometheus: { port: ports.metrics, path: '/metrics', tls: { mode: 'Disabled' } },
            },
          ],
        }),
      ],
      look: async () => {
        const { status, text } = await ask(ports.metrics, '/metrics', addressOf('web'))
        const line = /^\S*upstream_rq_total\S* \d+/m.exec(text)?.[0]
        return {
          ok: status === 200 && line !== undefined,
          what: `${status} ${line ?? text.slice(0, 60)}`,
        }
      },
    },
  ]
}
