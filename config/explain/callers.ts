import { compileStringMatch, type StringMatch } from '../../proxy/matcher.ts'
import type { FilterChain, Listener } from '../../proxy/model/listener.ts'
import type { RbacMatch, RbacRule } from '../../proxy/policies/rbac.ts'
import type { Compilation } from '../kuma/compile.ts'

/** Who may call at an inbound, from the permissions that were compiled. JSON-safe. */
export interface Callers {
  /** In words: `may call: spiffe://default/frontend; all others: 403`. */
  readonly summary: string
  /** Every call is refused, whoever makes it. */
  readonly nobody: boolean
  /** The first that matches a caller decides. */
  readonly rules: readonly {
    readonly action: RbacRule['action']
    readonly who: string
    /** `MeshTrafficPermission/foo (mesh/permissions.yaml)`. */
    readonly from: string
  }[]
}

/** Null at outbounds: there the application beside us calls. */
export function callersAt(
  { effective }: Compilation,
  listener: Listener,
  chain: FilterChain,
): Callers | null {
  if (listener.direction !== 'inbound') return null
  const rbac = permissionsOf(chain)
  if (rbac === null) return { summary: 'everybody', nobody: false, rules: [] }
  const plaintext = listener.filterChains.some(
    (other) =>
      other.tls === null && other.match.transport === 'raw' && permissionsOf(other) === null,
  )
  const named = effective
    .filter(({ kind, place }) => kind === 'MeshTrafficPermission' && place === listener.name)
    .flatMap(({ fields }) => fields.map(({ from }) => from))
  const rules = rbac.rules.map(({ name, action, match }) => ({
    action,
    who: whoIs(match),
    from: named.find((from) => from.startsWith(`MeshTrafficPermission/${name} `)) ?? name,
  }))
  const { text, nobody } = summarize(rbac, chain)
  const rest = plaintext ? '; without mutual TLS: everybody' : ''
  return { summary: text + rest, nobody: nobody && !plaintext, rules }
}

/** Whether the permissions of a chain refuse a caller whichever of these certificates it shows. What only the certificate tells is taken to fit. */
export function refuses(chain: FilterChain, spiffeIds: readonly string[]): boolean {
  const rbac = permissionsOf(chain)
  if (rbac === null || spiffeIds.length === 0) return false
  return [...spiffeIds.map((id) => [id]), spiffeIds].every((ids) => refusesIds(rbac, ids))
}

function refusesIds({ rules }: Permissions, ids: readonly string[]): boolean {
  for (const { action, match } of rules) {
    const tests = match.uriSans.filter(isSpiffe).map(compileStringMatch)
    if (!tests.every((test) => ids.some(test))) continue
    // Tags of a 2.x certificate and the name that is asked for are not known here.
    const sure =
      match.sni === null && match.uriSans.every(isSpiffe) && match.notUriSans.length === 0
    if (action !== 'deny') return false
    if (sure) return true
  }
  return true
}

const isSpiffe = ({ value }: StringMatch): boolean => !value.startsWith('kuma://')

/** Of Kuma: they speak of names alone. */
interface Permissions {
  readonly rules: readonly (RbacRule & { readonly match: RbacMatch })[]
}

/** The permissions of a chain; null: everybody may call. */
function permissionsOf({ filter }: FilterChain): Permissions | null {
  const found = filter.policies.find((policy) => policy.kind === 'rbac')
  if (found === undefined) return null
  const rules = found.rules.map((rule) => {
    if ('kind' in rule.match) throw new Error('permissions of Kuma speak of names alone')
    return { ...rule, match: rule.match }
  })
  return { rules }
}

function summarize({ rules }: Permissions, chain: FilterChain) {
  const refusal = chain.filter.kind === 'http' ? '403' : 'the connection is closed'
  // A rule for callers of whom an earlier one has decided says nothing.
  const heard = rules.filter(
    ({ match }, index) => !rules.slice(0, index).some((earlier) => covers(earlier.match, match)),
  )
  const last = heard.findLastIndex(({ action }) => action !== 'deny')
  if (last < 0) {
    const why = rules.length === 0 ? ' (no MeshTrafficPermission allows anybody)' : ''
    return { text: `nobody may call: ${refusal}${why}`, nobody: true }
  }
  const allowed = heard.filter(({ action }) => action !== 'deny').map(({ match }) => match)
  const denied = heard.slice(0, last).filter(({ action }) => action === 'deny')
  const but =
    denied.length === 0 ? '' : `, but not ${denied.map(({ match }) => whoIs(match)).join(', ')}`
  if (allowed.some(isEverybody)) {
    const text = but === '' ? 'everybody' : `everybody${but}: ${refusal}`
    return { text: `may call: ${text}${domainsOf(chain)}`, nobody: false }
  }
  const names = allowed.map(whoIs).join(', ')
  return { text: `may call: ${names}${but}; all others: ${refusal}`, nobody: false }
}

/** Everybody is whoever has a certificate of these. */
function domainsOf({ tls }: FilterChain): string {
  const names = (tls?.peerIdentities ?? []).map(({ match }) => whose(match))
  return names.length === 0 ? '' : ` (with a certificate of ${names.join(' or ')})`
}

const isEverybody = ({ uriSans, notUriSans, sni }: RbacMatch): boolean =>
  uriSans.length === 0 && notUriSans.length === 0 && sni === null

/** `spiffe://default/frontend`; a prefix ends in a star. */
function whoIs(match: RbacMatch): string {
  if (isEverybody(match)) return 'everybody'
  const parts = match.uriSans.map(whose)
  const without = match.notUriSans.map((one) => `without ${whose(one)}`)
  const sni = match.sni === null ? [] : [`asking for ${whose(match.sni)}`]
  return [...parts, ...without, ...sni].join(' ')
}

function whose({ kind, value }: StringMatch): string {
  if (kind === 'exact') return value
  return kind === 'prefix' ? `${value}*` : `${kind} ${value}`
}

/** Whether all whom `inner` means are meant by `outer` as well; false where that is not plain to see. */
function covers(outer: RbacMatch, inner: RbacMatch): boolean {
  const all = outer.uriSans.every((wide) => inner.uriSans.some((one) => includes(wide, one)))
  const sni = outer.sni === null || (inner.sni !== null && includes(outer.sni, inner.sni))
  return all && sni && outer.notUriSans.length === 0
}

const includes = (wide: StringMatch, narrow: StringMatch): boolean =>
  (narrow.kind === 'exact' && compileStringMatch(wide)(narrow.value)) ||
  (narrow.kind === 'prefix' && wide.kind === 'prefix' && narrow.value.startsWith(wide.value))
