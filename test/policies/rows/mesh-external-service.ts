import type { Lab } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'
import { certificates } from './external-certificates.ts'
import {
  ca,
  handshake,
  name,
  named,
  spec,
  status,
  strangers,
  tls,
  verification,
} from './external-drives.ts'
import { asked } from './hostname-generator.ts'

/** Where ten requests arrive. */
async function places(lab: Lab): Promise<readonly string[]> {
  for (let i = 0; i < 10; i += 1) await lab.settled(lab.ask())
  return Object.entries(lab.services).flatMap(([place, { arrivals }]) =>
    arrivals.length > 0 ? [place] : [],
  )
}

export const meshExternalService: PolicyTable = {
  kind: 'MeshExternalService',
  section: 'spec',
  name: 'outside',
  rows: [
    {
      field: 'match.protocol',
      shows: 'http is understood, where bytes are passed on as they are',
      listener: 'outside',
      set: spec(''),
      unset: spec('', undefined, 'tcp'),
      drive: async (lab) => {
        await lab.settled(lab.ask())
        return lab.services.outside.arrivals[0]?.headers['x-request-id'] !== undefined
      },
      expect: true,
      otherwise: false,
    },
    {
      field: 'match.port',
      shows: 'is the port beside its name by which explain finds it',
      listener: 'outside',
      set: spec('', undefined, 'http', 81),
      unset: spec(''),
      drive: asked('http://outside.extsvc.mesh.local:81/'),
      expect: 200,
      otherwise: null,
    },
    {
      field: 'endpoints[].address',
      also: ['endpoints[].port'],
      shows: 'is where requests go',
      listener: 'outside',
      set: spec('', '[{address: 10.0.0.3, port: 8080}]'),
      unset: spec(''),
      drive: places,
      expect: ['other'],
      otherwise: ['outside'],
    },
    {
      field: 'endpoints[].priority',
      shows: 'only the least is used while it is well',
      listener: 'outside',
      set: spec(
        '',
        '[{address: 10.0.1.1, port: 80}, {address: 10.0.0.3, port: 8080, priority: 1}]',
      ),
      unset: spec('', '[{address: 10.0.1.1, port: 80}, {address: 10.0.0.3, port: 8080}]'),
      drive: places,
      expect: ['outside'],
      otherwise: ['other', 'outside'],
    },
    {
      field: 'tls.enabled',
      shows: 'TLS is spoken',
      listener: 'outside',
      set: tls(''),
      unset: spec(''),
      drive: handshake,
      expect: { status: 200, seen: { version: 'TLSv1.3', sni: 'outside.mesh' } },
      otherwise: { status: 503, seen: null },
    },
    {
      field: 'tls.version.min',
      shows: 'TLS13 refuses a server of TLS 1.2',
      listener: 'outside',
      set: tls(', version: {min: TLS13}'),
      unset: tls(''),
      drive: (lab) => status(lab, { maxVersion: 'TLSv1.2' }),
      expect: 503,
      otherwise: 200,
    },
    {
      field: 'tls.version.max',
      shows: 'TLS12 keeps to TLS 1.2',
      listener: 'outside',
      set: tls(', version: {max: TLS12}'),
      unset: tls(''),
      drive: handshake,
      expect: { status: 200, seen: { version: 'TLSv1.2', sni: 'outside.mesh' } },
      otherwise: { status: 200, seen: { version: 'TLSv1.3', sni: 'outside.mesh' } },
    },
    verification(
      'mode',
      'SkipCA takes a certificate of anybody, if the name is right',
      `mode: SkipCA, ${ca}, ${name}`,
      `${ca}, ${name}`,
      { ca: strangers },
      200,
      503,
    ),
    verification(
      'mode',
      'SkipCA still looks at the name',
      `mode: SkipCA, ${ca}, ${name}`,
      `mode: SkipAll, ${ca}, ${name}`,
      { ca: strangers, ...named('wrong.mesh') },
      503,
      200,
    ),
    verification(
      'mode',
      'SkipSAN takes any name, if the authority is right',
      `mode: SkipSAN, ${ca}, ${name}`,
      `${ca}, ${name}`,
      named('wrong.mesh'),
      200,
      503,
    ),
    verification(
      'mode',
      'SkipSAN still looks at the authority',
      `mode: SkipSAN, ${ca}, ${name}`,
      `mode: SkipAll, ${ca}, ${name}`,
      { ca: strangers },
      503,
      200,
    ),
    verification(
      'serverName',
      'is the name the server must have; without it that is its address',
      `${ca}, ${name}`,
      ca,
      {},
      200,
      503,
    ),
    verification(
      'subjectAltNames[].value',
      'is a name the server may have in its place',
      `${ca}, ${name}, subjectAltNames: [{value: old.mesh}, {value: new.mesh}]`,
      `${ca}, ${name}`,
      named('new.mesh'),
      200,
      503,
    ),
    verification(
      'subjectAltNames[].type',
      'Prefix is the beginning of it',
      `${ca}, ${name}, subjectAltNames: [{type: Prefix, value: new.}]`,
      `${ca}, ${name}, subjectAltNames: [{value: new.}]`,
      named('new.mesh'),
      200,
      503,
    ),
    ...certificates,
  ],
}
