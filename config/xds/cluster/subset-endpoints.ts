import type { EndpointGroup } from '../../../proxy/model/endpoint.ts'
import type { SubsetFallback, SubsetRules } from '../reading/translated.ts'

/**
 * The endpoints for requests that ask for these tags (none: for any), as the rules of the cluster say; all of them when it has
 * no rules. Source: Envoy "Load balancer subsets".
 */
export function subsetEndpoints(
  group: EndpointGroup,
  rules: SubsetRules | null,
  tags: Readonly<Record<string, string>>,
): EndpointGroup {
  if (rules === null) return group
  const keys = Object.keys(tags)
  const selector = rules.selectors.find(
    (one) => one.keys.length === keys.length && keys.every((key) => one.keys.includes(key)),
  )
  if (selector !== undefined) {
    const chosen = having(group, tags)
    if (chosen.localities.length > 0) return chosen
  }
  return fallenBack(group, rules, selector?.fallback ?? rules.fallback)
}

function fallenBack(
  group: EndpointGroup,
  { defaults }: SubsetRules,
  fallback: SubsetFallback,
): EndpointGroup {
  switch (fallback) {
    case 'any':
      return group
    case 'default':
      return having(group, defaults)
    case 'none':
      return { ...group, localities: [] }
    default:
      return fallback satisfies never
  }
}

/** The endpoints that have all of these tags, where they stand. */
function having(group: EndpointGroup, tags: Readonly<Record<string, string>>): EndpointGroup {
  const wanted = Object.entries(tags)
  const localities = group.localities.map((locality) => ({
    ...locality,
    endpoints: locality.endpoints.filter((endpoint) =>
      wanted.every(([key, value]) => endpoint.tags[key] === value),
    ),
  }))
  return { ...group, localities: localities.filter(({ endpoints }) => endpoints.length > 0) }
}
