import type { Raw } from '../../../proxy/problems.ts'
import { apps, extension, host, listener, manager, router, routes, to } from '../bootstrap.ts'
import type { Case } from '../case.ts'

/** What is added to heads and taken from them. */

const add = (key: string, value: string, more: Raw = {}): Raw => ({
  header: { key, value },
  ...more,
})

const actions = ['APPEND_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS_OR_ADD']

/** One header for each action, on its way there and back. */
const everyAction = actions.map((append_action, index) =>
  add(`x-${index}`, 'new', { append_action }),
)

/** Says who added it, to a header that all levels add to. */
const level = (name: string): Raw => ({
  request_headers_to_add: [add('x-level', name)],
  response_headers_to_add: [add('x-level', name)],
})

const levels =
  (more: Raw): Case['config'] =>
  (at) => ({
    listeners: [
      listener(at, [
        {
          filters: [
            manager([host([to('a', '/', level('route'))], level('host'))], {
              route_config: {
                name: 'routes',
                virtual_hosts: [host([to('a', '/', level('route'))], level('host'))],
                ...level('table'),
                ...more,
              },
            }),
          ],
        },
      ]),
    ],
    clusters: apps(at),
  })

/** Says who added it, to a header that a filter and all levels add to and put another value in. */
const mutation = (name: string): Raw => ({
  mutations: {
    request_mutations: [
      { remove: 'x-user' },
      { append: add('x-level', name) },
      { append: add('x-last', name, { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }) },
    ],
    response_mutations: [{ append: add('x-level', name) }],
  },
})

const perFilter = (type: string, fields: Raw): Raw => ({
  typed_per_filter_config: { change: { '@type': `type.googleapis.com/envoy.${type}`, ...fields } },
})

const mutationType = 'filters.http.header_mutation.v3.HeaderMutation'
const mutations = (name: string): Raw =>
  perFilter(`extensions.${mutationType}PerRoute`, mutation(name))

const mutationLevels = (more: Raw): Case => ({
  name: `headers: mutations of a filter and of levels ${JSON.stringify(more)}`,
  config: (at) => {
    const ofRoutes = [
      to('a', '/off', perFilter('config.route.v3.FilterConfig', { disabled: true })),
      to('a', '/own', { ...mutations('route'), ...level('own') }),
      to('a', '/route', mutations('route')),
      to('a'),
    ]
    const filter = {
      ...extension(mutationType, { ...mutation('filter'), ...more }),
      name: 'change',
    }
    const manages = manager([], {
      http_filters: [filter, router],
      route_config: {
        name: 'routes',
        virtual_hosts: [host(ofRoutes, mutations('host'))],
        ...mutations('table'),
      },
    })
    return { listeners: [listener(at, [{ filters: [manages] }])], clusters: apps(at) }
  },
  asks: ['/route', '/own', '/off', '/'].map((path) => ({ path, headers: { 'x-user': 'root' } })),
})

export const headers: readonly Case[] = [
  {
    name: 'headers: append actions',
    config: routes([
      to('a', '/', { request_headers_to_add: everyAction, response_headers_to_add: everyAction }),
    ]),
    asks: [
      {},
      ...[0, 1].map((index) => ({
        headers: { [`x-${index}`]: 'old', 'x-do': `header x-${index} old` },
      })),
      { headers: { 'x-1': ['old', 'older'] } },
    ],
  },
  { name: 'headers: levels', config: levels({}), asks: [{}] },
  {
    name: 'headers: levels, the widest last',
    config: levels({ most_specific_header_mutations_wins: true }),
    asks: [{}],
  },
  mutationLevels({}),
  mutationLevels({ most_specific_header_mutations_wins: true }),
  {
    name: 'headers: removed',
    config: routes([
      to('a', '/', {
        request_headers_to_remove: ['x-gone', 'User-Agent'],
        response_headers_to_remove: ['X-App'],
      }),
    ]),
    asks: [{ headers: { 'x-gone': ['1', '2'], 'user-agent': 'me', 'x-stays': '1' } }],
  },
  {
    name: 'headers: removed and added',
    config: routes([
      to('a', '/', {
        request_headers_to_remove: ['x-both'],
        request_headers_to_add: [add('x-both', 'new')],
        response_headers_to_remove: ['x-app'],
        response_headers_to_add: [add('x-app', 'new')],
      }),
    ]),
    asks: [{ headers: { 'x-both': 'old' } }],
  },
  {
    name: 'headers: a percent sign',
    config: routes([
      to('a', '/', {
        request_headers_to_add: [add('x-percent', '100%%')],
      }),
    ]),
    asks: [{}],
  },
  {
    name: 'headers: not supported',
    config: routes([
      to('a', '/', {
        request_headers_to_add: [
          add('x-in', '%REQ(x-in)%'),
          add('x-absent', 'new', { append_action: 'ADD_IF_ABSENT' }),
        ],
      }),
    ]),
    asks: [],
    refused: [
      'request_headers_to_add[0].header.value: holds a command operator (%…%), which is not supported here',
      'request_headers_to_add[1].append_action: ADD_IF_ABSENT is not supported here',
    ],
  },
]
