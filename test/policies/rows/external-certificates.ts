import { labCa } from '../../support/lab-mesh.ts'
import { testLeaf } from '../../support/pki.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import { ca, name, verification, yaml } from './external-drives.ts'

const client = testLeaf(labCa, null, { sans: [{ kind: 'dns', value: 'web.mesh' }] })
const cert = (form: string): string => `${ca}, ${name}, clientCert: {${form}}`
const key = `clientKey: {inlineString: ${yaml(client.key)}}`
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** What is in files, variables and Secrets of these names. */
const material = {
  'ca.pem': labCa.certificate,
  'web.pem': client.certificate,
  'web.key': client.key,
}
const secrets = Object.entries(material)
  .map(([name, text]) => `type: Secret\nname: ${name}\ndata: ${base64(text)}`)
  .join('\n---\n')

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

/** The same from places that the source names. */
const places: readonly PolicyRow[] = (
  [
    ['file', 'file', 'is read', (name: string) => `file: '{{dir}}/${name}'`],
    ['File', 'file', 'is read', (name: string) => `type: File, file: {path: '{{dir}}/${name}'}`],
    ['EnvVar', 'envVar.name', 'is read', (name: string) => `type: EnvVar, envVar: {name: ${name}}`],
    ['secret', 'secret', 'is the Secret that has it (2.x)', (name: string) => `secret: ${name}`],
    [
      'Secret',
      'secretRef.name',
      'is the Secret that has it',
      (name: string) => `type: Secret, secretRef: {kind: Secret, name: ${name}}`,
    ],
  ] as const
)
  .flatMap(([type, field, shows, form]) => {
    const typed = type === type.toLowerCase() ? [] : ['type']
    const also = type === 'Secret' ? ['secretRef.kind', ...typed] : typed
    return [
      verification(
        `caCert.${field}`,
        shows,
        `caCert: {${form('ca.pem')}}, ${name}`,
        name,
        {},
        200,
        503,
        also.map((one) => `caCert.${one}`),
      ),
      verification(
        `clientCert.${field}`,
        shows,
        `${cert(form('web.pem'))}, clientKey: {${form('web.key')}}`,
        `${ca}, ${name}`,
        { asks: true },
        200,
        503,
        [`clientKey.${field}`, ...also.flatMap((one) => [`clientCert.${one}`, `clientKey.${one}`])],
      ),
    ]
  })
  .map((row) => ({ ...row, files: material, environment: material, beside: secrets }))

/** MeshExternalService `tls.verification`: certificates and keys, however they are given. */
export const certificates: readonly PolicyRow[] = [
  ...sources,
  ...places,
  verification(
    'clientKey.inlineString',
    'belongs to what we show',
    `${cert(`inlineString: ${yaml(client.certificate)}`)}, ${key}`,
    `${ca}, ${name}`,
    { asks: true },
    200,
    503,
  ),
]
