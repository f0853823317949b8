import type { Figure, PeerResult, ScenarioResult } from './measure.ts'
import { table } from './table.ts'

/** One scenario as text: a Markdown table, and a line for each peer that did not take part. */
export function formatScenario(result: ScenarioResult): string {
  const names = Object.keys(result.peers[0]?.figures ?? {})
  const [first, ...others] = names
  const head = ['peer', ...(first ? [first, `/ ${result.against ?? '–'}`] : []), ...others]
  const rows = result.peers.map((peer) => row(peer, names))
  return [
    `### ${result.scenario}: ${result.title}`,
    '',
    `Median of ${result.rounds} (least to most), ${result.seconds} s each.`,
    '',
    table(head, rows),
    ...result.skipped.map(({ peer, why }) => `\nSkipped: ${peer} ${why}`),
  ].join('\n')
}

function row({ peer, version, figures, ratio }: PeerResult, names: readonly string[]): string[] {
  const [first, ...others] = names.map((name) => cell(figures[name] ?? null))
  return [version === '' ? peer : `${peer} ${version}`, first ?? '–', cell(ratio), ...others]
}

function cell(figure: Figure | null): string {
  if (figure === null) return '–'
  const { median, min, max } = figure
  const digits = Math.abs(median) >= 1000 ? 0 : Math.abs(median) >= 10 ? 1 : 2
  const [m, from, to] = [median, min, max].map((value) => value.toFixed(digits))
  return from === to ? `${m}` : `${m} (${from}–${to})`
}
