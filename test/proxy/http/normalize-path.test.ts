import t from 'tap'
import { normalizePath } from '../../../proxy/http/normalize-path.ts'

const table: readonly [path: string, normalized: string, merged: string][] = [
  ['/', '/', '/'],
  ['/a/b', '/a/b', '/a/b'],
  ['/a/./b', '/a/b', '/a/b'],
  ['/a/../b', '/b', '/b'],
  ['/../a', '/a', '/a'],
  ['/../../a', '/a', '/a'],
  ['/a/..', '/', '/'],
  ['/a/.', '/a/', '/a/'],
  ['/a/%2e%2E/b', '/b', '/b'],
  ['/a/%2e/b', '/a/b', '/a/b'],
  ['/a/.%2e/b', '/b', '/b'],
  ['/.hidden', '/.hidden', '/.hidden'],
  ['/a/...', '/a/...', '/a/...'],
  ['/a%2Fb', '/a%2Fb', '/a%2Fb'],
  ['/%61%2Db%7e?%61', '/a-b~?%61', '/a-b~?%61'],
  ['/%2525/%zz', '/%2525/%zz', '/%2525/%zz'],
  ['/a%5Cb', '/a%5Cb', '/a%5Cb'],
  ['/a\\..\\b', '/b', '/b'],
  ['//a//b', '//a//b', '/a/b'],
  ['/a//', '/a//', '/a/'],
  ['/a//../b', '/a/b', '/a/b'],
  ['/a?x=/../y', '/a?x=/../y', '/a?x=/../y'],
  ['/a/../b?x=//y', '/b?x=//y', '/b?x=//y'],
  ['/a;p/../b', '/b', '/b'],
]

t.test('normalize path: routes, policies and the app see one string', async (t) => {
  for (const [path, normalized, merged] of table) {
    t.equal(normalizePath(path, true, false), normalized, path)
    t.equal(normalizePath(path, true, true), merged, `${path}, slashes merged`)
    t.equal(normalizePath(path, false, false), path, `${path}, left alone`)
  }
})
