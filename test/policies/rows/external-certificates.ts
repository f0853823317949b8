import { labCa } from '../../support/lab-mesh.ts'
import { testLeaf } from '../../support/pki.ts'
import type { PolicyRow } from '../../support/policy-table.ts'
import { ca, name, verification, yaml } from './external-drives.ts'

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

/** MeshExternalService `tls.verification`: certificates and keys, however they are given. */
export const certificates: readonly PolicyRow[] = [
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
]
