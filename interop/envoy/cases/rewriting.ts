import { routes, type to } from '../bootstrap.ts'
import type { Case } from '../case.ts'

/** What becomes of paths and hosts on their way, and what callers are sent to. */

const rewritten = (prefix: string, route: object): ReturnType<typeof to> => ({
  match: { prefix },
  route: { cluster: 'a', ...route },
})

export const rewriting: readonly Case[] = [
  {
    name: 'rewrite: prefix',
    config: routes([
      rewritten('/api/', { prefix_rewrite: '/' }),
      rewritten('/api', { prefix_rewrite: '/' }),
      rewritten('/', { prefix_rewrite: '/all/' }),
    ]),
    asks: ['/api', '/api/', '/api/x?y=/api/', '/apix', '/', '/x'].map((path) => ({ path })),
  },
  {
    name: 'rewrite: regex',
    config: routes([
      rewritten('/', {
        regex_rewrite: { pattern: { regex: '/(v[0-9])/([^/]*)' }, substitution: '/\\2/\\1' },
      }),
    ]),
    asks: ['/v1/users', '/v1/users/v2/x?a=/v1/b', '/x'].map((path) => ({ path })),
  },
  {
    name: 'rewrite: host',
    config: routes([
      rewritten('/literal', { host_rewrite_literal: 'other.test:80' }),
      rewritten('/auto', { auto_host_rewrite: true }),
    ]),
    asks: [{ path: '/literal' }, { path: '/auto' }],
  },
  {
    name: 'redirect: parts',
    config: routes(
      Object.entries({
        https: { https_redirect: true },
        scheme: { scheme_redirect: 'https' },
        host: { host_redirect: 'other.test' },
        port: { port_redirect: 8443 },
        path: { path_redirect: '/new?z=1' },
        prefix: { prefix_rewrite: '/new' },
        regex: { regex_rewrite: { pattern: { regex: '^/regex/(.*)$' }, substitution: '/\\1' } },
        all: {
          https_redirect: true,
          host_redirect: 'o.test',
          port_redirect: 443,
          path_redirect: '/',
        },
      }).map(([name, redirect]) => ({ match: { prefix: `/${name}` }, redirect })),
    ),
    asks: ['https', 'scheme', 'host', 'port', 'path', 'prefix', 'regex', 'all'].flatMap((name) => [
      { path: `/${name}/x?y=1` },
      { path: `/${name}`, host: 'app.test:8080' },
      { path: `/${name}`, host: 'app.test:80' },
    ]),
  },
  {
    name: 'redirect: codes',
    config: routes(
      ['MOVED_PERMANENTLY', 'FOUND', 'SEE_OTHER', 'TEMPORARY_REDIRECT', 'PERMANENT_REDIRECT'].map(
        (code, index) => ({
          match: { path: `/${index}` },
          redirect: { host_redirect: 'other.test', response_code: code },
        }),
      ),
    ),
    asks: [0, 1, 2, 3, 4].map((index) => ({ path: `/${index}`, method: 'POST', body: 'x' })),
  },
  {
    name: 'direct responses',
    config: routes([
      { match: { path: '/text' }, direct_response: { status: 200, body: { inline_string: 'hi' } } },
      { match: { path: '/none' }, direct_response: { status: 204 } },
      { match: { path: '/empty' }, direct_response: { status: 503 } },
      {
        match: { path: '/type' },
        direct_response: { status: 418, body: { inline_string: '{}' } },
        response_headers_to_add: [
          {
            header: { key: 'content-type', value: 'application/json' },
            append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          },
          { header: { key: 'x-more', value: 'yes' } },
        ],
      },
    ]),
    asks: [
      ...['/text', '/none', '/empty', '/type'].flatMap((path) => [
        { path },
        { path, method: 'POST', body: 'some' },
      ]),
      { path: '/text', method: 'HEAD' },
    ],
  },
]
