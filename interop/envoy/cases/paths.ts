import type { Raw } from '../../../proxy/problems.ts'
import { routes, to } from '../bootstrap.ts'
import { type Case, ownWords } from '../case.ts'

/** What is made of strange paths before a route is looked for. */

const strange = [
  '/a/../b/x',
  '/a/./b',
  '/a/%2e%2e/b/x',
  '/../b',
  '/a//b',
  '//b',
  '/a%2fb',
  '/a%2Fb?x=%2f',
  '/a%5cb',
  '/a\\b',
  '/%41/b',
  '/a/..',
  '/b/.',
  '/a/b/..%2fc',
  '/b?x=/../y',
]

const paths = (name: string, options: Raw, more: Partial<Case> = {}): Case => ({
  name: `paths: ${name}`,
  config: routes([to('b', '/b'), to('a')], options),
  asks: strange.map((path) => ({ path })),
  ...more,
})

const escaped = (name: string, action: string, more: Partial<Case> = {}): Case =>
  paths(name, { normalize_path: true, path_with_escaped_slashes_action: action }, more)

export const strangePaths: readonly Case[] = [
  paths('as they come', {}),
  paths('normalized', { normalize_path: true }),
  paths('slashes merged', { merge_slashes: true }),
  paths('normalized, slashes merged', { normalize_path: true, merge_slashes: true }),
  escaped('escaped slashes kept', 'KEEP_UNCHANGED'),
  escaped('escaped slashes refused', 'REJECT_REQUEST', {
    differs: { ...ownWords, '*.closed': 'the request was read whole, and the next one can be' },
  }),
  escaped('escaped slashes decoded', 'UNESCAPE_AND_FORWARD'),
  escaped('escaped slashes redirected', 'UNESCAPE_AND_REDIRECT', {
    differs: {
      '*.answers.*.headers.location':
        '`/%2fhost` alone would lead to another host; dots wait for the next request',
    },
  }),
]
