import type { MetricRow } from '../../proxy/telemetry/metric-row.ts'
import {
  type Histogram,
  histogramBounds,
  type MetricScope,
  metrics,
  type Stats,
} from '../../proxy/telemetry/metrics.ts'

/** A metric as Prometheus sees it: one name, a sample for each record of its scope (or several, told apart by a label). */
export interface Family {
  readonly name: string
  readonly type: MetricRow['type']
  readonly help: string
  readonly scope: MetricScope
  readonly labels: readonly string[]
  /** The samples of one record, a line each; `own` is its label, `usedOnly` leaves out what never counted. */
  samples(stats: Stats, own: string, usedOnly: boolean): string
}

interface ScopeNames {
  /** The label that carries the record's name. */
  readonly label: string
  /** Stem for answers by exact status. */
  readonly codes: string | null
  /** Stem for gRPC calls by status. */
  readonly grpc: string | null
  readonly reasons: { readonly stem: string; readonly label: string; readonly help: string } | null
}

const flagged = { label: 'response_flag', help: 'by response flag' } as const
const tlsFailures = { stem: 'ssl_fail', label: 'reason', help: 'TLS peers refused, by reason' }

/** Labels as in Envoy's Prometheus output. */
const scopeNames: Readonly<Record<MetricScope, ScopeNames>> = {
  cluster: {
    label: 'envoy_cluster_name',
    codes: 'upstream_rq',
    grpc: 'upstream_rq_grpc',
    reasons: tlsFailures,
  },
  http: {
    label: 'envoy_http_conn_manager_prefix',
    codes: 'downstream_rq',
    grpc: 'downstream_rq_grpc',
    reasons: { stem: 'downstream_rq_flags', ...flagged },
  },
  tcp: {
    label: 'envoy_tcp_prefix',
    codes: null,
    grpc: null,
    reasons: { stem: 'downstream_cx_flags', ...flagged },
  },
  listener: { label: 'envoy_listener_address', codes: null, grpc: null, reasons: tlsFailures },
  server: { label: 'worker', codes: null, grpc: null, reasons: null },
}

/** Every metric of the data path, in the order of the table. `docs/metrics.md` is made from it. */
export const families: readonly Family[] = Object.entries(scopeNames).flatMap(([scope, names]) =>
  scopeFamilies(scope as MetricScope, names),
)

/**
 * Prometheus text format 0.0.4. Written by hand because prom-client takes four times as long for as many series
 * (docs/adr/0004-metrics.md). `keep` chooses by family name.
 */
export function renderPrometheus(
  all: readonly Stats[],
  usedOnly: boolean,
  keep: (name: string) => boolean,
): string {
  const records = all.map((stats) => ({ stats, own: ownLabel(stats) }))
  let out = ''
  for (const family of families) {
    if (!keep(family.name)) continue
    let samples = ''
    for (const { stats, own } of records) {
      if (stats.scope === family.scope) samples += family.samples(stats, own, usedOnly)
    }
    if (samples === '') continue
    out += `# HELP ${family.name} ${family.help}\n# TYPE ${family.name} ${family.type}\n${samples}`
  }
  return out
}

/** Envoy writes the colons of a listener's address as underscores. */
function ownLabel({ scope, name }: Stats): string {
  const shown = scope === 'listener' ? name.replaceAll(':', '_') : name
  return `${scopeNames[scope].label}="${escapeLabel(shown)}"`
}

const escapeLabel = (value: string): string =>
  value.replace(/[\\"\n]/g, (unit) => (unit === '\n' ? '\\n' : `\\${unit}`))

function scopeFamilies(scope: MetricScope, names: ScopeNames): readonly Family[] {
  const prefix = `envoy_${scope}_`
  const rows: Readonly<Record<string, MetricRow>> = metrics[scope]
  const out: Family[] = []
  for (const [stem, { type, help }] of Object.entries(rows)) {
    const base = { type, help, scope, name: prefix + stem, labels: [names.label] }
    if (stem.endsWith('_rq_1xx')) out.push(classFamily(scope, stem.slice(0, -4), names))
    else if (/_rq_[2-5]xx$/.test(stem)) continue
    else if (type === 'histogram') out.push({ ...base, samples: histogramSamples(base.name, stem) })
    else out.push({ ...base, samples: numberSample(base.name, stem) })
  }
  if (names.codes !== null) {
    const name = prefix + names.codes
    const samples = mapSamples(name, 'envoy_response_code', (stats) => stats.codes)
    const labels = ['envoy_response_code', names.label]
    out.push({ name, type: 'counter', help: 'answers by status', scope, labels, samples })
  }
  if (names.grpc !== null) {
    const name = prefix + names.grpc
    const samples = mapSamples(name, 'grpc_status', (stats) => stats.grpc)
    const labels = ['grpc_status', names.label]
    out.push({ name, type: 'counter', help: 'gRPC calls by status', scope, labels, samples })
  }
  if (names.reasons !== null) {
    const { stem, label, help } = names.reasons
    const samples = mapSamples(prefix + stem, label, (stats) => stats.reasons)
    const labels = [label, names.label]
    out.push({ name: prefix + stem, type: 'counter', help, scope, labels, samples })
  }
  return out
}

const numberOf = (stats: Stats, stem: string): number => {
  const counters: Readonly<Record<string, number>> = stats.counters
  return counters[stem] ?? 0
}

function numberSample(name: string, stem: string): Family['samples'] {
  return (stats, own, usedOnly) => {
    const value = numberOf(stats, stem)
    return usedOnly && value === 0 ? '' : `${name}{${own}} ${value}\n`
  }
}

/** Envoy: `…_rq_xx{envoy_response_code_class="2"}`. */
function classFamily(scope: MetricScope, stem: string, { label }: ScopeNames): Family {
  const name = `envoy_${scope}_${stem}_xx`
  return {
    name,
    type: 'counter',
    help: 'answers by class of status',
    scope,
    labels: ['envoy_response_code_class', label],
    samples(stats, own, usedOnly) {
      let out = ''
      for (let digit = 1; digit <= 5; digit += 1) {
        const value = numberOf(stats, `${stem}_${digit}xx`)
        if (usedOnly && value === 0) continue
        out += `${name}{envoy_response_code_class="${digit}",${own}} ${value}\n`
      }
      return out
    },
  }
}

function mapSamples(
  name: string,
  label: string,
  mapOf: (stats: Stats) => ReadonlyMap<number | string, number>,
): Family['samples'] {
  return (stats, own) => {
    let out = ''
    for (const [key, value] of mapOf(stats)) {
      out += `${name}{${label}="${escapeLabel(String(key))}",${own}} ${value}\n`
    }
    return out
  }
}

function histogramSamples(name: string, stem: string): Family['samples'] {
  return (stats, own, usedOnly) => {
    const histograms: Readonly<Record<string, Histogram>> = stats.histograms
    const { counts, sum } = histograms[stem] ?? { counts: [], sum: 0 }
    let out = ''
    let below = 0
    for (const [index, count] of counts.entries()) {
      below += count
      out += `${name}_bucket{${own},le="${histogramBounds[index] ?? '+Inf'}"} ${below}\n`
    }
    if (usedOnly && below === 0) return ''
    return `${out}${name}_sum{${own}} ${sum}\n${name}_count{${own}} ${below}\n`
  }
}
