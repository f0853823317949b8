import { list, map, unsupported } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'
import { anything } from './values.ts'

/** Kuma `MeshProxyPatch`. */
export const meshProxyPatch = proxyPolicy(
  'Changes of what the other resources make.',
  map({
    appendModifications: unsupported(
      list(anything),
      'the data path is not Envoy; patches of its messages have nothing to apply to',
    ),
  }),
)
