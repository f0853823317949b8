import type * as v from 'valibot'
import { list, map, maybe, must, unsupported, word } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'
import { anything, filled, stringMap, text } from './values.ts'

const origin = maybe(
  text,
  'What made it: inbound, outbound, or for intercepted traffic transparent and, of clusters, meshpassthrough; anything by default.',
)
const name = maybe(text, 'Its name; any by default.')

const change = {
  value: maybe(text, 'A part of the message of Envoy, as YAML.'),
  jsonPatches: maybe(
    list(
      map({
        op: must(word(['add', 'remove', 'replace', 'move', 'copy', 'test']), 'What is done.'),
        path: must(filled, 'Where, as in /connectTimeout.'),
        value: maybe(anything, 'What is put there.'),
        from: unsupported(text, 'no message of Envoy is there to take a part from'),
      }),
    ),
    'Changes of the message, one by one (RFC 6902).',
  ),
}

const resourceOperation = must(word(['Add', 'Remove', 'Patch']), 'What is done.')
const filterOperation = must(
  word(['AddFirst', 'AddLast', 'AddBefore', 'AddAfter', 'Remove', 'Patch']),
  'What is done.',
)

const filterMatch = maybe(
  map({
    origin,
    name,
    listenerName: maybe(text, 'Name of its listener; any by default.'),
    listenerTags: maybe(stringMap, 'Tags of its listener.'),
  }),
  'Which filters; all by default.',
)

const modification = map({
  cluster: maybe(
    map({
      operation: resourceOperation,
      match: maybe(map({ origin, name }), 'Which clusters; all by default.'),
      ...change,
    }),
    'Changes a cluster.',
  ),
  listener: maybe(
    map({
      operation: resourceOperation,
      match: maybe(
        map({ origin, name, tags: maybe(stringMap, 'Tags of the listener.') }),
        'Which listeners; all by default.',
      ),
      ...change,
    }),
    'Changes a listener.',
  ),
  networkFilter: maybe(
    map({ operation: filterOperation, match: filterMatch, ...change }),
    'Changes a filter of connections.',
  ),
  httpFilter: maybe(
    map({ operation: filterOperation, match: filterMatch, ...change }),
    'Changes a filter of requests.',
  ),
  virtualHost: maybe(
    map({
      operation: resourceOperation,
      match: maybe(
        map({
          origin,
          name,
          routeConfigurationName: maybe(text, 'Name of its route table; any by default.'),
        }),
        'Which virtual hosts; all by default.',
      ),
      ...change,
    }),
    'Changes a virtual host.',
  ),
})
export type Modification = v.InferOutput<typeof modification>

export const meshProxyPatchConf = map({
  appendModifications: maybe(
    list(modification),
    'Changes, one after the other; what has no equal here is left out with a warning.',
  ),
})
/** Kuma `MeshProxyPatch`. */
export const meshProxyPatch = proxyPolicy(
  'Changes of what the other resources make, in words of Envoy.',
  meshProxyPatchConf,
)
