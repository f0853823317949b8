import { parseDocument } from 'yaml'
import { isRecord } from '../../../proxy/problems.ts'
import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import { meshProxyPatchConf } from '../schemas/mesh-proxy-patch.ts'
import { confsOf } from './confs.ts'

/** Reports modifications that say too much, too little or nothing that can be read. Kuma: MeshProxyPatch `validateDefault`. */
export function checkProxyPatch(policy: Resource<'MeshProxyPatch'>, reporter: Reporter): void {
  for (const { path, conf } of confsOf(policy, meshProxyPatchConf)) {
    for (const [index, modification] of (conf.appendModifications ?? []).entries()) {
      const at: Path = [...path, 'appendModifications', index]
      const parts = Object.entries(modification)
      const [kind, body] = parts[0] ?? []
      if (kind === undefined || body === undefined || parts.length > 1) {
        const list = 'cluster, listener, networkFilter, httpFilter, virtualHost'
        reporter.error(policy, at, `needs one of ${list}`)
      } else checkChange(policy, body, [...at, kind], reporter)
    }
  }
}

interface Change {
  readonly operation: string
  readonly match?: { readonly name?: string | undefined } | undefined
  readonly value?: string | undefined
  readonly jsonPatches?: readonly { readonly path: string }[] | undefined
}

function checkChange(policy: Resource, change: Change, path: Path, reporter: Reporter): void {
  const { operation, match, value, jsonPatches } = change
  const besides = operation === 'AddBefore' || operation === 'AddAfter'
  if (besides && match?.name === undefined) {
    const message = 'needs match.name, the filter beside which it is added'
    reporter.error(policy, [...path, 'operation'], message)
  }
  if (operation === 'Remove') {
    if (value !== undefined)
      reporter.error(policy, [...path, 'value'], 'has no place beside Remove')
    return
  }
  if (jsonPatches !== undefined && operation !== 'Patch') {
    reporter.error(policy, [...path, 'jsonPatches'], 'has a place beside Patch alone')
  } else if ((value === undefined) === (jsonPatches === undefined)) {
    const message =
      operation === 'Patch' ? 'needs value or jsonPatches, one of them' : 'needs value'
    reporter.error(policy, path, message)
  }
  for (const [index, patch] of (jsonPatches ?? []).entries()) {
    if (patch.path.startsWith('/')) continue
    reporter.error(policy, [...path, 'jsonPatches', index, 'path'], 'must begin with /')
  }
  if (value !== undefined) checkFragment(policy, value, [...path, 'value'], reporter)
}

function checkFragment(policy: Resource, text: string, path: Path, reporter: Reporter): void {
  const document = parseDocument(text, { prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined) reporter.error(policy, path, `is not YAML: ${error.message}`)
  else if (/[&*]\w/.test(text)) reporter.error(policy, path, 'must not have anchors')
  else if (!isRecord(document.toJS())) {
    reporter.error(policy, path, 'must be a map, a part of a message of Envoy')
  }
}
