import type { Figure, PeerResult, ScenarioResult } from './measure.ts'
import { table } from './table.ts'

/**
 * One scenario as text: a Markdown table, and a line for each peer that did not take part. Beside the ratio stands the one
 * of `baseline` when that was to the same reference: ratios may be compared between machines, figures may not.
 */
export function formatScenario(result: ScenarioResult, baseline: ScenarioResult | null): string {
  const names = Object.keys(result.peers[0]?.figures ?? {})
  const [first = '', ...others] = names
  const against = result.against ?? '–'
  const before = baseline?.against === result.against ? baseline.peers : []
  const head = ['peer', first, `/ ${against}`, 'baseline', ...others]
  const rows = result.peers.map((peer) =>
    row(peer, before.find((earlier) => earlier.peer === peer.peer) ?? null, names),
  )
  return [
    `### ${result.scenario}: ${result.title}`,
    '',
    `Median of ${result.rounds} (least to most), ${result.seconds} s each.`,
    '',
    table(head, rows),
    ...result.skipped.map(({ peer, why }) => `\nSkipped: ${peer} ${why}`),
  ].join('\n')
}

/** All scenarios in one table, a row for each peer: medians of the figures of merit. */
export function formatSummary(results: readonly ScenarioResult[]): string {
  const names = [...new Set(results.flatMap((result) => result.peers.map(({ peer }) => peer)))]
  const measured = results.filter((result) => result.peers.length > 0)
  const heads = measured.map(({ scenario, peers }) => {
    const [merit = ''] = Object.keys(peers[0]?.figures ?? {})
    return `${scenario}, ${merit}`
  })
  const rows = names.map((name) => {
    const cells = measured.map(({ peers }) => {
      const found = peers.find(({ peer }) => peer === name)
      const [merit = null] = Object.values(found?.figures ?? {})
      return merit === null ? '–' : digits(merit.median, merit.median)
    })
    return [name, ...cells]
  })
  return table(['peer', ...heads], rows)
}

function row(now: PeerResult, before: PeerResult | null, names: readonly string[]): string[] {
  const [first = '–', ...others] = names.map((name) => cell(now.figures[name] ?? null))
  const was = before?.ratio ? before.ratio.median.toFixed(2) : '–'
  return [`${now.peer} ${now.version}`.trim(), first, cell(now.ratio), was, ...others]
}

function cell(figure: Figure | null): string {
  if (figure === null) return '–'
  const { median, min, max } = figure
  const [m, from, to] = [median, min, max].map((value) => digits(value, median))
  return from === to ? `${m}` : `${m} (${from}–${to})`
}

/** A value with as many digits as make sense for one as large as `scale`. */
function digits(value: number, scale: number): string {
  const size = Math.abs(scale)
  return value.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : 2)
}
