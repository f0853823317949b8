import type { PeerMatch } from '../../../proxy/peer-match.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place } from '../reading/report.ts'
import { failUnknown, type Typed, typed } from '../reading/values.ts'
import { asRules, noneOf } from './caller-match.ts'
import { callerMatcher } from './matcher.ts'

const skipFields: Coverage = {
  message: 'envoy.extensions.filters.common.matcher.action.v3.SkipFilter',
  read: [],
  harmless: {},
}

const extensionFields: Coverage = {
  message: 'envoy.config.core.v3.TypedExtensionConfig',
  read: ['typed_config'],
  harmless: { name: 'the type says what it is' },
}

/** The policies of the filter within an `ExtensionWithMatcher`, for the callers for whom it is not skipped. */
export function skipFor(
  place: Place,
  read: (config: Typed) => readonly PolicyConfig[],
): readonly PolicyConfig[] {
  const extension = inside(place, 'extension_config')
  const matcher = inside(place, 'xds_matcher')
  const config = extension === null ? null : typed(extension, 'typed_config')
  if (extension === null || config === null || matcher === null) {
    fail(place, '', 'must have an extension_config and an xds_matcher')
    return []
  }
  checkFields(extension, extensionFields)
  const peer = keptCallers(matcher)
  return read(config).map((policy) => forCallers(policy, peer, extension))
}

/** Every action skips, so the filter is kept for those whom no entry means. */
function keptCallers(matcher: Place): PeerMatch | null {
  const { branches, otherwise } = callerMatcher(matcher)
  for (const { action } of branches) checkSkip(action)
  if (otherwise !== null) fail(matcher, 'on_no_match', 'would skip the filter for everyone')
  const skipped = branches.flatMap(({ callers }) => callers)
  const kept = asRules(noneOf(skipped, matcher), matcher)
  const [only] = kept
  if (kept.length !== 1 || only === undefined || only.notUriSans.length > 0) {
    const hint = 'a filter is skipped for callers who are not one sort: not (name matches)'
    fail(matcher, '', 'keeps the filter for more than one sort of callers', hint)
    return null
  }
  return only.uriSans.length === 0 ? null : { uriSans: only.uriSans, sni: only.sni }
}

function checkSkip(action: Typed): void {
  if (action.type === skipFields.message) checkFields(action.place, skipFields)
  else failUnknown(action, [skipFields.message])
}

function forCallers(policy: PolicyConfig, peer: PeerMatch | null, place: Place): PolicyConfig {
  if (peer === null) return policy
  if (policy.kind === 'fault') {
    return { ...policy, faults: policy.faults.map((fault) => ({ ...fault, peer })) }
  }
  if (policy.kind === 'rate_limit') {
    return { ...policy, limits: policy.limits.map((limit) => ({ ...limit, peer })) }
  }
  fail(place, 'typed_config', 'cannot be skipped for some callers here')
  return policy
}

export const skipCoverages: readonly Coverage[] = [skipFields, extensionFields]
