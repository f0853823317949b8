import type { ForwardAction, Route } from '../../proxy/model/route.ts'

/** A route that takes every request. */
export const anyRoute = (name: string, action: Route['action']): Route => ({
  name,
  match: {
    path: { kind: 'prefix', value: '/' },
    methods: [],
    headers: [],
    query: [],
    peer: null,
    percent: 100,
  },
  action,
  policies: [],
})

/** Everything to one cluster, as it is. */
export const forwardTo = (cluster: string): ForwardAction => ({
  kind: 'forward',
  clusters: [{ cluster, weight: 1, policies: [] }],
  rewrite: { path: null, host: null },
  hashPolicies: [],
  mirrors: [],
})
