import { TLSSocket } from 'node:tls'
import type { Lab } from '../../support/lab.ts'
import { labCa } from '../../support/lab-mesh.ts'
import { testCa, testLeaf } from '../../support/pki.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'

/** Who the server is, and what it asks of callers. */
interface Server {
  readonly ca?: typeof labCa
  readonly sans?: readonly { readonly kind: 'dns' | 'ip' | 'uri'; readonly value: string }[]
  readonly maxVersion?: 'TLSv1.2'
  readonly asks?: boolean
}

const strangers = testCa('Strangers')
const named = (value: string): Server => ({ sans: [{ kind: 'dns', value }] })

/** The status of a request to a server that speaks TLS, and what the server saw of the handshake. */
async function handshake(lab: Lab, server: Server = {}): Promise<unknown> {
  const { outside } = lab.services
  const { ca = labCa, sans = [{ kind: 'dns', value: 'outside.mesh' }], maxVersion, asks } = server
  const { certificate, key } = testLeaf(ca, null, { sans })
  outside.secure = {
    cert: certificate,
    key,
    ca: labCa.certificate,
    ...(maxVersion === undefined ? {} : { maxVersion }),
    requestCert: asks === true,
    rejectUnauthorized: asks === true,
  }
  let seen: unknown = null
  outside.answer = ({ request }, response) => {
    const { socket } = request
    if (socket instanceof TLSSocket) {
      seen = { version: socket.getProtocol(), sni: Reflect.get(socket, 'servername') || null }
    }
    response.end('ok')
  }
  const { status } = await lab.settled(lab.ask())
  return { status, seen }
}

const status = async (lab: Lab, server: Server = {}): Promise<unknown> =>
  Reflect.get(Object(await handshake(lab, server)), 'status')

const yaml = (text: string): string => JSON.stringify(text)
const ca = `caCert: {inlineString: ${yaml(labCa.certificate)}}`
const name = 'serverName: outside.mesh'

const spec = (tls: string, endpoints = '[{address: 10.0.1.1, port: 80}]', protocol = 'http') =>
  `{match: {type: HostnameGenerator, port: 80, protocol: ${protocol}}, endpoints: ${endpoints}${tls}}`
const tls = (more: string, verification = `${ca}, ${name}`): string =>
  spec(`, tls: {enabled: true, verification: {${verification}}${more}}`)

/** A field of `tls.verification`. */
const verification = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  server: Server,
  expect: unknown,
  otherwise: unknown,
  also: readonly string[] = [],
): PolicyRow => ({
  field: `tls.verification.${field}`,
  also: also.map((one) => `tls.verification.${one}`),
  shows,
  listener: 'outside',
  set: tls('', set),
  unset: tls('', unset),
  drive: (lab) => status(lab, server),
  expect,
  otherwise,
})

const client = testLeaf(labCa, null, { sans: [{ kind: 'dns', value: 'web.mesh' }] })
const cert = (form: string): string => `${ca}, ${name}, clientCert: {${form}}`
const key = `clientKey: {inlineString: ${yaml(client.key)}}`
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Every way to give a certificate of an authority, ours and a client's. */
const sources: readonly PolicyRow[] = (
  [
    ['inline', (pem: string) => `inline: ${base64(pem)}`],
    ['inlineString', (pem: string) => `inlineString: ${yaml(pem)}`],
    ['insecureInline.value', (pem: string) => `insecureInline: {value: ${yaml(pem)}}`],
  ] as const
).flatMap(([field, form]) => [
  verification(
    `caCert.${field}`,
    'is whom the server must be certified by; without it, by one that Node trusts',
    `caCert: {${form(labCa.certificate)}}, ${name}`,
    name,
    {},
    200,
    503,
  ),
  verification(
    `clientCert.${field}`,
    'is what we show',
    `${cert(form(client.certificate))}, clientKey: {${form(client.key)}}`,
    `${ca}, ${name}`,
    { asks: true },
    200,
    503,
    [`clientKey.${field}`],
  ),
])

/** The same from files. */
const files: readonly PolicyRow[] = [
  verification(
    'caCert.file',
    'is read',
    `caCert: {file: '{{dir}}/ca.pem'}, ${name}`,
    name,
    {},
    200,
    503,
  ),
  verification(
    'clientCert.file',
    'is read',
    `${cert("file: '{{dir}}/web.pem'")}, clientKey: {type: File, file: {path: '{{dir}}/web.key'}}`,
    `${ca}, ${name}`,
    { asks: true },
    200,
    503,
    ['clientKey.file', 'clientKey.type'],
  ),
].map((row) => ({
  ...row,
  files: { 'ca.pem': labCa.certificate, 'web.pem': client.certificate, 'web.key': client.key },
}))

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
    ...sources,
    ...files,
    verification(
      'clientKey.inlineString',
      'belongs to what we show',
      `${cert(`inlineString: ${yaml(client.certificate)}`)}, ${key}`,
      `${ca}, ${name}`,
      { asks: true },
      200,
      503,
    ),
  ],
}
