import { didYouMean } from '../../nearest.ts'
import { messageType } from '../proto/table.ts'

/** What would be right where `message` says at `path` that something is not; null when nothing is near. */
export function hintOf(path: string, message: string): string | null {
  const [, owner = '', words = '', word = ''] =
    /^(\S+) has no such field$|^must be one of (.*), got "(.*)"$/.exec(message) ?? []
  if (owner !== '') return fieldHint(path, owner)
  return words === '' ? null : didYouMean(word, words.split(', '))
}

function fieldHint(path: string, owner: string): string | null {
  if (path === 'type') return 'resources of Kuma are given with --config'
  const known = messageType(owner)?.byName.keys()
  return known === undefined ? null : didYouMean(path.replace(/^.*\./, ''), [...known])
}
