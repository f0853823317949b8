import { didYouMean } from '../../nearest.ts'
import { messageNames, messageType } from '../proto/table.ts'

/** What would be right where `message` says at `path` that something is not; null when nothing is near. */
export function hintOf(path: string, message: string): string | null {
  const [, owner = '', type = '', words = '', word = ''] =
    /^(\S+) has no such field$|^no message (\S+) is known$|^must be one of (.*), got "(.*)"$/.exec(
      message,
    ) ?? []
  if (owner !== '') return fieldHint(path, owner)
  if (type !== '') return typeHint(type)
  return words === '' ? null : didYouMean(word, words.split(', '))
}

function fieldHint(path: string, owner: string): string | null {
  if (path === 'type') return 'resources of Kuma are given with --config'
  const known = messageType(owner)?.byName.keys()
  return known === undefined ? null : didYouMean(path.replace(/^.*\./, ''), [...known])
}

const typeHint = (type: string): string | null =>
  type.includes('.v2.') ? 'the API is v3' : didYouMean(type, messageNames())
