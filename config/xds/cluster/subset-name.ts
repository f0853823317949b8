import { fail, inside, type Place } from '../reading/report.ts'
import { labels } from '../reading/values.ts'

/** A part of a cluster: those of its endpoints that have these tags. */
export interface SubsetName {
  readonly cluster: string
  readonly tags: Readonly<Record<string, string>>
}

/** How routes name a part of a cluster: `backend{version=v1}`; without tags it is the cluster itself. */
export function subsetName({ cluster, tags }: SubsetName): string {
  const pairs = Object.entries(tags).map(([key, value]) => `${escaped(key)}=${escaped(value)}`)
  return pairs.length === 0 ? cluster : `${cluster}{${pairs.sort().join()}}`
}

/** The other way round; null when it is the name of a whole cluster. */
export function readSubsetName(name: string): SubsetName | null {
  const [, cluster, list] = /^(.+)\{([^{}]+)\}$/.exec(name) ?? []
  if (cluster === undefined || list === undefined) return null
  const tags = list.split(',').map((pair) => {
    const [key = '', value = ''] = pair.split('=')
    return [plain(key), plain(value)] as const
  })
  return { cluster, tags: Object.fromEntries(tags) }
}

const escaped = (text: string): string =>
  text.replace(/[%{}=,\x00-\x1f\x7f]/g, (one) => encodeURIComponent(one))

const plain = (text: string): string =>
  text.replace(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))

/** The tags in `metadata_match`; none when it is absent. Envoy: namespace `envoy.lb`. */
export function wantedTags(place: Place): Readonly<Record<string, string>> {
  const metadata = inside(place, 'metadata_match')
  const filters = metadata === null ? null : inside(metadata, 'filter_metadata')
  const wanted = filters === null ? null : inside(filters, 'envoy.lb')
  if (wanted === null) return {}
  const tags = labels(wanted.fields)
  // What is left out would match more than was meant.
  if (Object.keys(tags).length < Object.keys(wanted.fields).length) {
    fail(wanted, '', 'must have texts, numbers and flags only')
  }
  return tags
}
