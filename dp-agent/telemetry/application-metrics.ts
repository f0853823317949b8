import type { MetricsSettings } from '../../config/settings.ts'
import type { Log } from '../../proxy/log.ts'

export type Application = MetricsSettings['applications'][number]

/** What an application said, and whether it said anything. */
export interface ApplicationPage {
  readonly application: Application
  /** Prometheus text, whole lines; empty when it could not be had. */
  readonly text: string
  readonly up: boolean
}

/** Of one application; it is asked while a scraper waits for us. */
const timeoutMs = 3_000
/** A longer page is not shown at all: half a page would be half a truth. */
const maxBytes = 16_777_216

/** Asks all applications at once. One that does not answer costs its own page and a line of log. Kuma: MeshMetric `applications`. */
export function scrapeApplications(
  applications: readonly Application[],
  log: Log,
): Promise<readonly ApplicationPage[]> {
  return Promise.all(
    applications.map(async (application): Promise<ApplicationPage> => {
      try {
        return { application, text: await fetchPage(application), up: true }
      } catch (error) {
        const { name, address, port } = application
        log.debug('application gave no metrics', { name, address, port, error: String(error) })
        return { application, text: '', up: false }
      }
    }),
  )
}

async function fetchPage({ address, port, path }: Application): Promise<string> {
  // Late: 6 MB that a sidecar without applications to ask does not carry.
  const { request } = await import('undici')
  const host = address.includes(':') ? `[${address}]` : address
  const { statusCode, body } = await request(`http://${host}:${port}${path}`, {
    headers: { accept: 'text/plain;version=0.0.4, */*;q=0.1' },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (statusCode !== 200) {
    await body.dump()
    throw new Error(`answered ${statusCode}`)
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  // Windows' line ends and the end mark of OpenMetrics would spoil the page they are put into.
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replaceAll('\r', '')
    .replace(/^# EOF\s*$/m, '')
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

/** All pages one after the other, then who was there. */
export function mergedPages(pages: readonly ApplicationPage[]): string {
  if (pages.length === 0) return ''
  const help = 'whether an application of MeshMetric gave its metrics'
  const head = `# HELP outrider_application_up ${help}\n# TYPE outrider_application_up gauge\n`
  const lines = pages.map(
    ({ application, up }) =>
      `outrider_application_up{application=${JSON.stringify(application.name)}} ${up ? 1 : 0}\n`,
  )
  return pages.map(({ text }) => text).join('') + head + lines.join('')
}
