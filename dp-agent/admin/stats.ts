import { type Histogram, histogramBounds, type Stats } from '../../proxy/telemetry/metrics.ts'
import type { AgentView } from './agent-view.ts'
import { json, plainText, type Reply } from './reply.ts'

/** The quantiles that Envoy prints, percent. */
const quantiles = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100] as const
const maxFilterLength = 200
/** All the time a filter may take. */
const filterMs = 250
/** A repeated group, a back reference, or a fourth repetition: what makes the time of a match run away. */
const costly = /\)[*+{]|\\[1-9k]|(?:[*+}][^*+}]*){4}/

interface StatLine {
  readonly name: string
  readonly value: number | Histogram
}

/** `/stats`: Envoy's names, a line each. `filter` is a regular expression on the name, `usedonly` leaves out zeros. */
export async function stats(agent: AgentView, query: URLSearchParams): Promise<Reply> {
  const format = query.get('format') ?? 'text'
  const usedOnly = query.has('usedonly')
  if (format === 'prometheus') {
    const { type, body } = await agent.metrics(usedOnly)
    return { status: 200, type, body }
  }
  const filter = compileFilter(query.get('filter') ?? '')
  if (filter === null) return plainText('filter is not a regular expression we would run', 400)
  const all = statLines(await agent.workers.stats())
  const deadline = agent.clock.now() + filterMs
  const lines = all.filter(
    (line) =>
      !(usedOnly && countOf(line.value) === 0) &&
      agent.clock.now() <= deadline &&
      filter.test(line.name),
  )
  if (agent.clock.now() > deadline) return plainText('filter takes too long', 400)
  if (format === 'json') return json({ stats: jsonStats(lines) })
  if (format !== 'text') return plainText('format is text, json or prometheus', 400)
  return plainText(lines.map((line) => `${line.name}: ${valueText(line.value)}\n`).join(''))
}

function compileFilter(source: string): RegExp | null {
  if (source.length > maxFilterLength || costly.test(source)) return null
  try {
    return new RegExp(source)
  } catch {
    return null
  }
}

function statLines(all: readonly Stats[]): readonly StatLine[] {
  const alone = all.filter((one) => one.scope === 'server').length < 2
  const lines = all.flatMap((one): StatLine[] => {
    const prefix = prefixOf(one, alone)
    const codes = one.scope === 'cluster' ? 'upstream_rq' : 'downstream_rq'
    return [
      ...Object.entries<number>(one.counters).map(([stem, value]) => ({
        name: `${prefix}${stem}`,
        value,
      })),
      ...Object.entries<Histogram>(one.histograms).map(([stem, value]) => ({
        name: `${prefix}${stem}`,
        value,
      })),
      ...[...one.codes].map(([code, value]) => ({ name: `${prefix}${codes}_${code}`, value })),
      ...[...one.grpc].map(([code, value]) => ({ name: `${prefix}grpc.${code}`, value })),
      ...[...one.reasons].map(([reason, value]) => ({ name: `${prefix}reason.${reason}`, value })),
    ]
  })
  return lines.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const prefixOf = (stats: Stats, alone: boolean): string => {
  if (stats.scope !== 'server') return `${stats.scope}.${stats.name}.`
  return alone ? 'server.' : `server.worker_${stats.name}.`
}

const total = (histogram: Histogram): number => histogram.counts.reduce((sum, n) => sum + n, 0)

const countOf = (value: number | Histogram): number =>
  typeof value === 'number' ? value : total(value)

const valueText = (value: number | Histogram): string => {
  if (typeof value === 'number') return String(value)
  if (total(value) === 0) return 'No recorded values'
  return quantiles.map((percent) => `P${percent}(${quantile(value, percent)})`).join(' ')
}

function jsonStats(lines: readonly StatLine[]): readonly unknown[] {
  const numbers = lines.filter((line) => typeof line.value === 'number')
  const histograms = lines.flatMap(({ name, value }) =>
    typeof value === 'number'
      ? []
      : [
          {
            name,
            values: quantiles.map((percent) => ({ cumulative: quantile(value, percent) })),
          },
        ],
  )
  return [
    ...numbers,
    { histograms: { supported_quantiles: quantiles, computed_quantiles: histograms } },
  ]
}

/** The value below which `percent` of the observations lie, read from the buckets; null when there is none. */
export function quantile(histogram: Histogram, percent: number): number | null {
  const all = total(histogram)
  if (all === 0) return null
  const wanted = (percent / 100) * all
  let below = 0
  for (const [bucket, count] of histogram.counts.entries()) {
    if (count > 0 && below + count >= wanted) {
      const from = bucket === 0 ? 0 : (histogramBounds[bucket - 1] ?? 0)
      const to = histogramBounds[bucket] ?? from
      return Math.round((from + (to - from) * ((wanted - below) / count)) * 100) / 100
    }
    below += count
  }
  return null
}
