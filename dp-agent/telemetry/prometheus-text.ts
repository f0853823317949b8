/** A sample of a metrics page. `value` may be NaN or infinite. */
export interface PageSample {
  /** As written: of a histogram with `_bucket`, `_sum` or `_count`. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The samples under one `# TYPE`. */
export interface PageFamily {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped'
  readonly help: string
  readonly samples: PageSample[]
}

const types = ['counter', 'gauge', 'histogram', 'summary', 'untyped'] as const
const nameText = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const sampleLine = new RegExp(
  `^(${nameText})(?:\\{(.*)\\})?[ \\t]+(\\S+)(?:[ \\t]+-?\\d+)?[ \\t]*$`,
)
const comment = new RegExp(`^# (HELP|TYPE) (${nameText}) ?(.*)$`)

/**
 * Reads Prometheus text format 0.0.4, and of OpenMetrics what looks the same. Lines that are none are left out: they are
 * somebody else's, and the rest of the page is still good.
 */
export function readPage(text: string): readonly PageFamily[] {
  const families = new Map<string, { -readonly [K in keyof PageFamily]: PageFamily[K] }>()
  const familyOf = (name: string) => {
    const known = families.get(name)
    if (known !== undefined) return known
    const made = { name, type: 'untyped' as PageFamily['type'], help: '', samples: [] }
    families.set(name, made)
    return made
  }
  for (const line of text.split('\n')) {
    const about = comment.exec(line)
    if (about !== null) {
      const [, what, name = '', rest = ''] = about
      if (what === 'HELP') familyOf(name).help = rest
      else familyOf(name).type = types.find((type) => type === rest.trim()) ?? 'untyped'
      continue
    }
    const [, name, labelText = '', number = ''] = sampleLine.exec(line) ?? []
    if (name === undefined) continue
    const labels = readLabels(labelText)
    const value = readNumber(number)
    if (labels === null || value === null) continue
    const stem = name.replace(/_(bucket|sum|count|total)$/, '')
    const owner = families.has(name) || !families.has(stem) ? name : stem
    familyOf(owner).samples.push({ name, labels, value })
  }
  return [...families.values()].filter(({ samples }) => samples.length > 0)
}

const label = new RegExp(`(${nameText.replaceAll(':', '')})="((?:[^"\\\\]|\\\\.)*)"(?:,|$)`, 'y')

function readLabels(text: string): Record<string, string> | null {
  const labels: Record<string, string> = {}
  label.lastIndex = 0
  let at = 0
  while (at < text.length) {
    const found = label.exec(text)
    if (found === null) return null
    const [whole, name = '', value = ''] = found
    labels[name] = value.replace(/\\(.)/g, (_, unit: string) => (unit === 'n' ? '\n' : unit))
    at += whole.length
  }
  return labels
}

function readNumber(text: string): number | null {
  if (text === 'NaN') return Number.NaN
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  const value = Number(text)
  return text === '' || Number.isNaN(value) ? null : value
}
