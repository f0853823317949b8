import type { Raw } from '../../../proxy/problems.ts'
import { routes, to } from '../bootstrap.ts'
import type { Ask, Case } from '../case.ts'

/** What applications are told of callers, and what callers may say. */

const sayings: readonly Ask[] = [
  {},
  { headers: { 'x-forwarded-for': '10.0.0.1' } },
  { headers: { 'x-forwarded-for': '10.0.0.1, 8.8.8.8' } },
  { headers: { 'x-forwarded-proto': 'https' } },
  { headers: { 'x-forwarded-proto': 'ftp' } },
  { headers: { 'x-request-id': 'mine' } },
  { headers: { 'x-request-id': '00000000-0000-4000-8000-000000000000' } },
  { headers: { 'x-envoy-original-path': '/x', 'x-envoy-internal': 'true' } },
  { headers: { 'x-envoy-upstream-rq-timeout-ms': '1000', 'x-envoy-max-retries': '3' } },
  { headers: { 'x-envoy-decorator-operation': 'x', 'x-envoy-downstream-service-cluster': 'x' } },
  { headers: { 'x-envoy-external-address': '8.8.8.8', 'x-envoy-anything': 'x' } },
  { headers: { 'x-forwarded-host': 'x.test', forwarded: 'for=x', via: '1.1 x' } },
  { headers: { connection: 'x-hop, keep-alive', 'x-hop': '1' } },
  { headers: { te: 'trailers', 'proxy-connection': 'keep-alive', 'keep-alive': 'timeout=5' } },
  { headers: { 'x-forwarded-client-cert': 'URI=spiffe://x/y' } },
  { headers: { 'user-agent': 'me', accept: '*/*', cookie: 'a=1; b=2' } },
]

const forwardedAs = (name: string, options: Raw, more: Partial<Case> = {}): Case => ({
  name: `forwarded: ${name}`,
  config: routes([to('a')], options),
  asks: sayings,
  ...more,
})

const always = {
  '13.arrivals.0.headers.te': 'TE is for one hop (RFC 9110 §10.1.4)',
}

const proto = { '4.arrivals.0.headers.x-forwarded-proto': 'a scheme is http or https' }

const envoys = { '10.arrivals.0.headers.x-envoy-anything': 'strangers may say no x-envoy- at all' }

export const forwarded: readonly Case[] = [
  forwardedAs(
    'by a sidecar',
    {},
    {
      differs: {
        ...always,
        ...proto,
        '8.arrivals.0.headers':
          'retries and time limits of callers are not looked at, and passed on',
      },
    },
  ),
  forwardedAs('by an edge', { use_remote_address: true }, { differs: { ...always, ...envoys } }),
  forwardedAs(
    'by an edge behind another',
    { use_remote_address: true, xff_num_trusted_hops: 1 },
    { differs: { ...always, ...proto, ...envoys } },
  ),
]
